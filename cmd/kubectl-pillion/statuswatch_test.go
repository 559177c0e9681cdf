// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/version"
)

// watchedCluster is a cluster of which the pods can be watched; events is nil if that is forbidden.
type watchedCluster struct {
	fakeCluster
	events   chan string // YAML
	selector chan string // of each watch
}

func (c watchedCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("watch") == "" {
		c.fakeCluster.ServeHTTP(w, r)
		return
	}
	c.selector <- r.URL.Query().Get("labelSelector")
	if c.events == nil {
		fakeCluster{r.URL.Path: "forbidden"}.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	for {
		flush := http.NewResponseController(w)
		_ = flush.Flush()
		select {
		case <-r.Context().Done():
			return
		case event := <-c.events:
			raw, err := yaml.YAMLToJSON([]byte(event))
			if err != nil {
				panic(err)
			}
			_, _ = w.Write(append(raw, '\n'))
		}
	}
}

// watching runs status -w. Its lines come as they are written; stop ends it and returns its error.
func watching(t *testing.T, c watchedCluster, args ...string) (out, errOut <-chan string, stop func() error) {
	t.Helper()
	server := httptest.NewServer(c)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte("apiVersion: v1\nkind: Config\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out, outWriter := linesOf()
	errOut, errWriter := linesOf()
	cmd := newRoot()
	cmd.SetArgs(append([]string{"status", "-w", "--kubeconfig", kubeconfig, "--server", server.URL, "-n", "shop"}, args...))
	cmd.SetOut(outWriter)
	cmd.SetErr(errWriter)
	ended := make(chan error, 1)
	go func() {
		ended <- cmd.ExecuteContext(ctx)
		_ = outWriter.Close()
		_ = errWriter.Close()
	}()
	stop = func() error {
		cancel()
		return <-ended
	}
	t.Cleanup(func() { cancel(); server.CloseClientConnections(); server.Close() })
	return out, errOut, stop
}

// linesOf is a writer, and the lines that are written to it: more than any test writes.
func linesOf() (<-chan string, io.WriteCloser) {
	reader, writer := io.Pipe()
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(reader); scan.Scan(); {
			lines <- scan.Text()
		}
	}()
	return lines, writer
}

var (
	anyHash = regexp.MustCompile(`sha256:\w+|\b[0-9a-f]{8,}\b`)
	blanks  = regexp.MustCompile(` {2,}`)
)

// nextLine is a line without what a release or an alignment changes.
func nextLine(t *testing.T, from <-chan string) string {
	t.Helper()
	text := ""
	select {
	case text = <-from:
	case <-time.After(2 * time.Minute):
		t.Fatal("no line within two minutes")
	}
	text = strings.ReplaceAll(text, version.String(), "VERSION")
	return blanks.ReplaceAllString(anyHash.ReplaceAllString(text, "HASH"), " | ")
}

func TestStatusWatchPrintsChangesAsLines(t *testing.T) {
	t.Parallel()
	pod := podItem("web", asksForDates, "")
	c := watchedCluster{shop(pod, podItem("plain", "a: b", "")), make(chan string), make(chan string, 9)}
	out, _, stop := watching(t, c, "-l", "app=web")
	expect := func(want ...string) {
		t.Helper()
		for _, line := range want {
			if diff := cmp.Diff(line, nextLine(t, out)); diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
		}
	}
	expect("POD | STATE | HELPERS | COMMIT | VERSION | POLICY | HASH | WHY", "web | Missing | - | - | - | - | - | NotInjected")
	if s := <-c.selector; s != "app=web" {
		t.Errorf("the watch has the selector %q", s)
	}
	injectedPod := injected(t, pod, "--policy", shopPolicy(t), "-o", "json")
	c.events <- `{type: MODIFIED, object: ` + strings.Replace(pod, "image: app}", "image: changed}", 1) + `}` // changes no cell
	c.events <- `{type: ADDED, object: ` + strings.Replace(injectedPod, `"web"`, `"api"`, 2) + `}`
	expect("api | Current | pillion-date-writer | - | VERSION | web | HASH | -")
	c.events <- `{type: DELETED, object: ` + pod + `}`
	expect("web | Deleted | - | - | - | - | - | -")
	if err := stop(); err != nil {
		t.Errorf("the end of a watch is the error %v", err)
	}
}

// shopPolicy is the policy of the shop, in a file.
func shopPolicy(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "web.yaml")
	text := "{apiVersion: pillion.dev/v1alpha1, kind: InjectionPolicy, metadata: {name: web}, spec: {helpers: {date-writer: {}}}}"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestStatusWatchWithoutTheRightToWatch(t *testing.T) {
	t.Parallel()
	c := watchedCluster{shop(podItem("web", asksForDates, "")), nil, make(chan string, 9)}
	out, errOut, stop := watching(t, c, "-o", "name")
	if got := nextLine(t, out); got != "pod/web" {
		t.Errorf("got %q", got)
	}
	if got := nextLine(t, errOut); got != "warning: pods are listed every 30s instead: watching pods: jane may not" {
		t.Errorf("got %q", got)
	}
	if err := stop(); err != nil {
		t.Errorf("the end of a watch is the error %v", err)
	}
}

func TestStatusWatchFailures(t *testing.T) {
	t.Parallel()
	f := shop(podItem("web", asksForDates, ""))
	f[podsPath] = "forbidden"
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"pods that may not be listed": {nil, "error: listing pods: jane may not\n"},
		"a format that has no lines":  {[]string{"-o", "json"}, "error: --output json: with --watch it must be text, wide or name, since changes are printed as lines\n"},
		"an unknown format":           {[]string{"-o", "xml"}, "error: --output \"xml\": must be text, wide, name, json or yaml\n"},
	} {
		t.Run(name+" are exit code 2", func(t *testing.T) {
			t.Parallel()
			r := call("", append(append(f.flags(t), "status", "-w"), c.args...)...)
			if diff := cmp.Diff(fmt.Sprintf("2 %q %q", "", c.want), fmt.Sprintf("%d %q %q", r.code, r.out, r.errOut)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
