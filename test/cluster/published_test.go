// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/tools/setup-envtest/versions"
)

var wanted = versions.Concrete{Major: 1, Minor: 37, Patch: 2}

// archiveOf is a tar.gz as controller-tools publish them, with each name as a file's content.
func archiveOf(t *testing.T, names ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	files := tar.NewWriter(zip)
	for _, name := range names {
		header := &tar.Header{Name: name, Mode: 0o755, Size: int64(len(name)), Typeflag: tar.TypeReg}
		if err := files.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(files, name); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(files.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func complete(t *testing.T) []byte {
	t.Helper()
	return archiveOf(t, "controller-tools/envtest/etcd", "controller-tools/envtest/kube-apiserver", "controller-tools/envtest/kubectl", "../../evil")
}

func sumOf(data []byte) string {
	sum := sha512.Sum512(data)
	return hex.EncodeToString(sum[:])
}

// site is a server of an index and of archives.
type site struct {
	versions []string                    // in the index, for this platform
	sum      string                      // of all of them
	archive  func(w http.ResponseWriter) // what it answers for one
	asked    []string                    // the archives that were asked for
	index    func(w http.ResponseWriter) // instead of an index
}

func (s *site) start(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("/index.yaml", func(w http.ResponseWriter, _ *http.Request) {
		if s.index != nil {
			s.index(w)
			return
		}
		fmt.Fprintln(w, "releases:")
		for _, version := range s.versions {
			name := fmt.Sprintf("envtest-v%s-%s-%s.tar.gz", version, platform.OS, platform.Arch)
			fmt.Fprintf(w, "  v%s:\n    %s: {hash: %q, selfLink: %q}\n", version, name, s.sum, server.URL+"/archives/"+name)
			fmt.Fprintf(w, "    envtest-v%s-plan9-mips.tar.gz: {hash: bad, selfLink: %q}\n", version, server.URL+"/nothing")
		}
	})
	mux.HandleFunc("/archives/", func(w http.ResponseWriter, r *http.Request) {
		s.asked = append(s.asked, strings.TrimPrefix(r.URL.Path, "/archives/"))
		s.archive(w)
	})
	return server.URL + "/index.yaml"
}

func sends(data []byte) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { _, _ = w.Write(data) }
}

// fetchFrom has bounds that no server reaches that answers.
func fetchFrom(ctx context.Context, root, index string, progress io.Writer) (string, error) {
	return publisher{index: index, reach: time.Minute, stall: time.Minute, progress: progress}.fetch(ctx, root, wanted)
}

func directory(version string) string {
	return fmt.Sprintf("envtest-v%s-%s-%s", version, platform.OS, platform.Arch)
}

func TestTheVersionThatSuitsBestIsDownloaded(t *testing.T) {
	for name, tc := range map[string]struct {
		versions []string
		want     string
	}{
		"the wanted one, though there are newer":        {[]string{"1.37.0", "1.37.2", "1.37.4", "1.38.0"}, "1.37.2"},
		"the newest of its minor version, without it":   {[]string{"1.36.9", "1.37.0", "1.37.10", "1.37.9", "1.38.0"}, "1.37.10"},
		"an older one, if there is nothing newer of it": {[]string{"1.37.0", "1.38.1"}, "1.37.0"},
	} {
		t.Run(name, func(t *testing.T) {
			data := complete(t)
			s := &site{versions: tc.versions, sum: sumOf(data), archive: sends(data)}
			index, root := s.start(t), t.TempDir()
			var progress strings.Builder
			got, err := fetchFrom(t.Context(), root, index, &progress)
			if err != nil || got != directory(tc.want) {
				t.Fatalf("got %q, error %v; want %q\n%s", got, err, directory(tc.want), &progress)
			}
			for _, binary := range []string{"etcd", "kube-apiserver", "kubectl"} {
				text, err := os.ReadFile(filepath.Join(root, got, binary))
				if err != nil || string(text) != "controller-tools/envtest/"+binary {
					t.Errorf("%s holds %q, error %v", binary, text, err)
				}
			}
			assertOnly(t, root, got)
			assertOnly(t, filepath.Join(root, got), "etcd", "kube-apiserver", "kubectl")

			// The next run needs no network.
			s.index = func(http.ResponseWriter) { t.Error("the index was read again") }
			if again, err := fetchFrom(t.Context(), root, index, io.Discard); err != nil || again != got {
				t.Errorf("the second time: %q, error %v; want %q", again, err, got)
			}
			if len(s.asked) != 1 {
				t.Errorf("%q were downloaded, want one archive", s.asked)
			}
		})
	}
}

// assertOnly checks the names in a directory. The lock file does not count.
func assertOnly(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		if e.Name() != ".lock" {
			got = append(got, e.Name())
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

func TestAWrongChecksumIsAnErrorThatNamesBoth(t *testing.T) {
	data := complete(t)
	for name, sum := range map[string]string{"another archive's": sumOf([]byte("other")), "none": ""} {
		t.Run(name, func(t *testing.T) {
			index, root := (&site{versions: []string{"1.37.2"}, sum: sum, archive: sends(data)}).start(t), t.TempDir()
			got, err := fetchFrom(t.Context(), root, index, io.Discard)
			if err == nil {
				t.Fatalf("%q is used", got)
			}
			want := fmt.Sprintf("%s.tar.gz has the SHA-512 %s, but the index %s says %s: nothing of it is used; set PILLION_BUILD=1 to build from source instead",
				directory("1.37.2"), sumOf(data), index, sum)
			if err.Error() != want {
				t.Errorf("error %q\nwant  %q", err, want)
			}
			assertOnly(t, root)
		})
	}
}

// Each of these is said in one line, and then everything is built.
func TestWithoutAnArchiveAllIsBuilt(t *testing.T) {
	data := complete(t)
	half := data[:len(data)/2]
	partial := archiveOf(t, "kubebuilder/bin/etcd", "kubebuilder/bin/kubectl")
	status := func(code int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.WriteHeader(code) }
	}
	truncated := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(half)
	}
	for name, tc := range map[string]struct {
		site site
		want string
	}{
		"the index is gone":                          {site{index: status(404)}, `cannot be read: unable to get index -- got status "404 Not Found"`},
		"the index is something else":                {site{index: sends([]byte("<html>"))}, "cannot be read: unable to unmarshal index"},
		"the index has other minor versions":         {site{versions: []string{"1.36.2", "2.37.2"}}, "lists no version 1.37 for "},
		"the index is empty":                         {site{index: sends(nil)}, "lists no version 1.37 for "},
		"the archive is gone":                        {site{versions: []string{"1.37.2"}, archive: status(404)}, `got status "404 Not Found"`},
		"the connection breaks":                      {site{versions: []string{"1.37.2"}, sum: sumOf(data), archive: truncated}, "unexpected EOF"},
		"the published archive is half of one":       {site{versions: []string{"1.37.2"}, sum: sumOf(half), archive: sends(half)}, "unexpected EOF"},
		"the published archive is no archive":        {site{versions: []string{"1.37.2"}, sum: sumOf([]byte("x")), archive: sends([]byte("x"))}, "it is no gzip archive"},
		"the published archive lacks kube-apiserver": {site{versions: []string{"1.37.2"}, sum: sumOf(partial), archive: sends(partial)}, "it holds no kube-apiserver"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			var progress strings.Builder
			got, err := fetchFrom(t.Context(), root, tc.site.start(t), &progress)
			if err != nil || got != "" {
				t.Fatalf("got %q, error %v; want neither", got, err)
			}
			lines := strings.Split(strings.TrimSpace(progress.String()), "\n")
			last := lines[len(lines)-1]
			if !strings.HasPrefix(last, "cluster: no prebuilt binaries are used: ") || !strings.Contains(last, tc.want) {
				t.Errorf("the last line is %q, want one with %q", last, tc.want)
			}
			assertOnly(t, root)
		})
	}
}

func TestASilentServerIsGivenUp(t *testing.T) {
	for name, tc := range map[string]struct {
		silent string // the path that is not answered
		want   string
	}{
		"before the index":            {"/index.yaml", "cannot be read: no answer within 50ms"},
		"in the middle of an archive": {"/archive", "failed after 7 bytes: nothing arrived for 50ms"},
	} {
		t.Run(name, func(t *testing.T) {
			end := make(chan struct{})
			var server *httptest.Server
			server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/index.yaml" && tc.silent != r.URL.Path {
					fmt.Fprintf(w, "releases: {v1.37.2: {%s.tar.gz: {hash: x, selfLink: %q}}}", directory("1.37.2"), server.URL+"/archive")
					return
				}
				if r.URL.Path == "/archive" {
					_, _ = io.WriteString(w, "7 bytes")
				}
				w.(http.Flusher).Flush()
				<-end
			}))
			defer server.Close()
			defer close(end)
			p := publisher{index: server.URL + "/index.yaml", reach: time.Minute, stall: time.Minute, progress: &strings.Builder{}}
			if tc.silent == "/archive" {
				p.stall = 50 * time.Millisecond
			} else {
				p.reach = 50 * time.Millisecond
			}
			root := t.TempDir()
			got, err := p.fetch(t.Context(), root, wanted)
			if err != nil || got != "" || !strings.Contains(fmt.Sprint(p.progress), tc.want) {
				t.Errorf("got %q, error %v, progress %q; want %q", got, err, p.progress, tc.want)
			}
			assertOnly(t, root)
		})
	}
}

func TestAnInterruptedDownloadBuildsNothing(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("interrupt")
	s := &site{versions: []string{"1.37.2"}, archive: func(http.ResponseWriter) { cancel(reason) }}
	root := t.TempDir()
	if _, err := fetchFrom(ctx, root, s.start(t), io.Discard); !errors.Is(err, reason) {
		t.Errorf("error %v, want one caused by %q", err, reason)
	}
	assertOnly(t, root)
}

// The program itself: what is published is used for the API server, and never for a node.
func TestWhatIsSetDecidesWhereBinariesComeFrom(t *testing.T) {
	data := complete(t)
	s := &site{versions: []string{"1.37.2"}, sum: sumOf(data), archive: sends(data)}
	t.Setenv("PILLION_ENVTEST_INDEX", s.start(t))
	t.Setenv("PILLION_CACHE", t.TempDir())
	t.Setenv("KUBEBUILDER_ASSETS", "")

	// A build would take minutes, so it is cancelled before it begins.
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("it wants to build")
	for _, tc := range []struct {
		build string
		set   string
	}{{"1", "apiserver"}, {"", "node"}} {
		t.Setenv("PILLION_BUILD", tc.build)
		if _, err := run(ctx, []string{tc.set}, stopper{func() { cancel(reason) }}); !errors.Is(err, reason) {
			t.Errorf("PILLION_BUILD=%s, %s: error %v, want %q", tc.build, tc.set, err, reason)
		}
		if len(s.asked) > 0 {
			t.Fatalf("PILLION_BUILD=%s, %s: %q were downloaded", tc.build, tc.set, s.asked)
		}
		ctx, cancel = context.WithCancelCause(t.Context())
	}
	defer cancel(nil)

	t.Setenv("PILLION_BUILD", "")
	dir, err := run(t.Context(), []string{"apiserver"}, io.Discard)
	if err != nil || filepath.Base(dir) != directory("1.37.2") || len(s.asked) != 1 {
		t.Errorf("directory %q, error %v, downloads %q; want one into %q", dir, err, s.asked, directory("1.37.2"))
	}
}

// stopper calls stop when a build is announced.
type stopper struct{ stop func() }

func (s stopper) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("building")) {
		s.stop()
	}
	return len(line), nil
}

func TestTimesAreSaidAsPeopleSayThem(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 8400 * time.Millisecond: "8 s", 59900 * time.Millisecond: "1 min 0 s", 250 * time.Second: "4 min 10 s", 2 * time.Hour: "120 min 0 s",
	} {
		if got := duration(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
