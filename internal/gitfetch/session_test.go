// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/google/go-cmp/cmp"
)

// wire counts what goes over the connections of a server.
type wire struct {
	net.Listener
	connections, bytes atomic.Int64
}

func (w *wire) Accept() (net.Conn, error) {
	conn, err := w.Listener.Accept()
	w.connections.Add(1)
	return counting{conn, &w.bytes}, err
}

type counting struct {
	net.Conn
	bytes *atomic.Int64
}

func (c counting) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.bytes.Add(int64(n))
	return n, err
}

func (c counting) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.bytes.Add(int64(n))
	return n, err
}

// serveCounted serves a repository over https, and returns the URL, the file of the
// authority, and what counts.
func serveCounted(t testing.TB, h http.Handler) (*httptest.Server, Request, *wire) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	w := &wire{Listener: server.Listener}
	server.Listener = w
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, Request{Repo: server.URL + "/site.git", CAFile: writeCA(t, server), Keep: true}, w
}

// manyRefs adds refs as a repository with many pull requests has them.
func (r repo) manyRefs(n int, hash string) {
	r.t.Helper()
	var packed bytes.Buffer
	packed.WriteString("# pack-refs with: peeled fully-peeled sorted \n")
	for i := range n {
		fmt.Fprintf(&packed, "%s refs/pull/%06d/head\n", hash, i)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "packed-refs"), packed.Bytes(), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// mustPoll polls in a session.
func mustPoll(t testing.TB, s *Session, r Request) Result {
	t.Helper()
	result, err := s.fetch(t.Context(), ask(t, r), testTimeouts)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestAPollOfARepositoryWithManyRefsIsOneSmallRequest(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	hash := r.commit("refs/heads/main", files{"a": "a"})
	r.manyRefs(100_000, hash)
	var requests atomic.Int32
	git := backend(t, filepath.Dir(r.dir))
	_, request, wire := serveCounted(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		git.ServeHTTP(w, r)
	}))
	request.Have, request.Ref = hash, "main"
	var s Session
	defer s.Close()
	mustPoll(t, &s, request)
	for range 3 {
		bytes, before := wire.bytes.Load(), requests.Load()
		if got := mustPoll(t, &s, request); got != (Result{Commit: hash}) {
			t.Errorf("got %+v, want commit %s, unchanged", got, hash)
		}
		if bytes = wire.bytes.Load() - bytes; bytes > 2<<10 {
			t.Errorf("a poll took %d bytes, want at most 2048", bytes)
		}
		if n := requests.Load() - before; n != 1 {
			t.Errorf("a poll took %d requests, want 1", n)
		}
	}
	if n := wire.connections.Load(); n != 1 {
		t.Errorf("it took %d connections, want 1", n)
	}
}

func TestAKeptConnectionIsReplacedWhenItHasTo(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	hash := r.commit("refs/heads/main", files{"a": "a"})
	git := backend(t, filepath.Dir(r.dir))
	var password atomic.Value
	var speak atomic.Pointer[http.Handler]
	password.Store("old")
	speak.Store(&git)
	server, request, wire := serveCounted(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, got, _ := r.BasicAuth(); got != password.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		(*speak.Load()).ServeHTTP(w, r)
	}))
	dir := secret(t, map[string]string{"password": "old"})
	request.Have, request.Auth, request.AuthDir = hash, AuthBasic, dir
	var s Session
	defer s.Close()
	for _, step := range []struct {
		name        string
		change      func()
		connections int64
	}{
		{"at first there is none", func() {}, 1},
		{"it is kept", func() {}, 1},
		{"the server has closed it", func() { server.CloseClientConnections() }, 2},
		{"the Secret has changed", func() {
			password.Store("new")
			if err := os.WriteFile(filepath.Join(dir, "password"), []byte("new"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, 3},
		{"the authority's file has another line", func() {
			f, err := os.OpenFile(request.CAFile, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := io.WriteString(f, "\n# a comment\n"); err != nil {
				t.Fatal(err)
			}
		}, 4},
		{"the server speaks version 0 today", func() { speak.Store(new(http.Handler(v0Only{git}))) }, 5},
		{"and is greeted each time then", func() {}, 5},
	} {
		step.change()
		if got := mustPoll(t, &s, request); got.Commit != hash {
			t.Errorf("%s: got %+v, want commit %s", step.name, got, hash)
		}
		if n := wire.connections.Load(); n != step.connections {
			t.Errorf("%s: %d connections until now, want %d", step.name, n, step.connections)
		}
	}
	hash = r.commit("refs/heads/main", files{"a": "b"})
	if got := mustPoll(t, &s, request); got.Commit != hash || s.server != nil {
		t.Errorf("got %+v, want commit %s and the connection closed after a checkout", got, hash)
	}
}

// v0Only is a server that does not know version 2.
type v0Only struct{ git http.Handler }

func (v v0Only) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if strings.Contains(string(body), "command=") {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		_, _ = io.WriteString(w, pkt("ERR upload-pack: expected want\n"))
		return
	}
	v0(v.git).ServeHTTP(w, r)
}

func TestAConnectionOverSSHIsKept(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	hash := r.commit("refs/heads/main", files{"a": "a"})
	for name, v0 := range map[string]bool{"version 2": false, "version 0": true} {
		server := newSSHServer(t)
		server.v0 = v0
		request := server.request(t, r.dir, server.line("ssh-ed25519"))
		request.Have, request.Keep = hash, true
		var s Session
		mustPoll(t, &s, request)
		first := s.server
		for range 3 {
			if got := mustPoll(t, &s, request); got.Commit != hash || s.server != first {
				t.Errorf("%s: got %+v over a new connection: %v, want commit %s over the first", name, got, s.server != first, hash)
			}
		}
		_ = first.(*sshRemote).conn.Close() // a network that forgets
		if got := mustPoll(t, &s, request); got.Commit != hash || s.server == first {
			t.Errorf("%s: over a broken connection: got %+v, want commit %s over a new one", name, got, hash)
		}
		s.Close()
	}
}

func TestNoConnectionIsKeptUnasked(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	hash := r.commit("refs/heads/main", files{"a": "a"})
	_, request, wire := serveCounted(t, backend(t, filepath.Dir(r.dir)))
	request.Have, request.Keep = hash, false
	var s Session
	mustPoll(t, &s, request)
	mustPoll(t, &s, request)
	if n := wire.connections.Load(); n != 2 || s.server != nil {
		t.Errorf("%d connections, want 2 and none open", n)
	}
}

// A ref that is gone, or moved back, between the list and the fetch: the server does
// not give out what it has listed.
func TestARefThatVanishesBetweenListAndFetch(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	hash := r.commit("refs/heads/main", files{"a": "a"})
	git := backend(t, filepath.Dir(r.dir))
	vanish := func(speak http.Handler, at string) string {
		return serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			body, _ := io.ReadAll(q.Body)
			q.Body = io.NopCloser(bytes.NewReader(body))
			if strings.Contains(string(body), at) {
				q.URL.Path = strings.Replace(q.URL.Path, "/site.git", "/empty/site.git", 1)
			}
			speak.ServeHTTP(w, q)
		})) + "/site.git"
	}
	newRepo(t, filepath.Join(filepath.Dir(r.dir), "empty"))
	for name, url := range map[string]string{"version 2": vanish(git, "want "), "version 0": vanish(v0(git), "want ")} {
		want := &Error{
			Reason:  NoSuchRef,
			Message: url + `: the server does not give out this commit, or not any more; it says "upload-pack: not our ref ` + hash + `"`,
		}
		if diff := cmp.Diff(want, mustFail(t, Request{Repo: url, Ref: "main"})); diff != "" {
			t.Errorf("%s: error (-want +got):\n%s", name, diff)
		}
	}
}

// go-git's scanner is the oracle, but for delimiters and packets without content.
func FuzzPackets(f *testing.F) {
	for _, seed := range []string{"0000", "0001", "0004", "0005a", "0009ERR x", "fff0", "fff1", "000", "+004", "0006a\n0000", "001"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		oracle := pktline.NewScanner(bytes.NewReader(data))
		in := &packets{r: bytes.NewReader(data)}
		for {
			kind, err := in.next()
			if kind == delimiter || kind == content && len(in.line) == 0 {
				return // of which it knows neither
			}
			more := oracle.Scan()
			if (err == nil) != more {
				t.Fatalf("got error %v, the oracle %v (%v)", err, more, oracle.Err())
			}
			if errors.Is(err, io.EOF) != (!more && oracle.Err() == nil) {
				t.Fatalf("got error %v, the oracle %v", err, oracle.Err())
			}
			if err != nil {
				return
			}
			if !bytes.Equal(in.line, oracle.Bytes()) {
				t.Fatalf("got %q, the oracle %q", in.line, oracle.Bytes())
			}
		}
	})
}

// Whatever a server says in version 2, it is taken or refused.
func FuzzVersion2(f *testing.F) {
	one := strings.Repeat("1", 40)
	hello := pkt("version 2\n") + pkt("ls-refs=unborn\n") + pkt("fetch=shallow\n") + pkt("object-format=sha1\n") + "0000"
	f.Add("main", hello, pkt(one+" HEAD symref-target:refs/heads/main\n")+pkt(one+" refs/heads/main\n")+"0000", pkt("shallow-info\n")+pkt("shallow "+one)+"0001"+pkt("packfile\n")+pkt("\x01PACK")+"0000")
	f.Add("v1", hello, pkt(one+" refs/tags/v1 peeled:"+strings.Repeat("2", 40))+"0000", pkt("packfile\n")+pkt("\x03no"))
	f.Add("x", hello, pkt("unborn HEAD symref-target:refs/heads/x")+"0000", "0001")
	f.Fuzz(func(t *testing.T, ref, greeting, list, answer string) {
		l := newListing(ref)
		g, err := readGreeting(&packets{r: strings.NewReader(greeting)}, l)
		if err != nil || !g.v2 {
			return
		}
		if err := l.readList(&packets{r: strings.NewReader(list)}); err != nil {
			return
		}
		want, err := l.resolve(g, 1)
		if err != nil {
			return
		}
		if len(want.wants) == 0 || want.commit.IsZero() && !strings.Contains(ref+list, strings.Repeat("0", 40)) {
			t.Errorf("%q was resolved to %+v", ref, want)
		}
		in := &stream{ctx: t.Context(), r: strings.NewReader(answer), left: 1 << 20, what: "pack"}
		if pack, err := g.answer(in); err == nil {
			_, _ = io.Copy(io.Discard, pack)
		}
	})
}
