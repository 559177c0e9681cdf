// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// newSite is a repository with one commit, and its handler.
func newSite(t testing.TB) (repo, http.Handler) {
	t.Helper()
	r := newRepo(t, "")
	r.commit("refs/heads/main", files{"index.html": "hello\n"})
	return r, backend(t, filepath.Dir(r.dir))
}

// onPost serves requests for a pack with one handler and all else with another.
func onPost(post, other http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			post.ServeHTTP(w, r)
			return
		}
		other.ServeHTTP(w, r)
	})
}

func status(code int, kind, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	})
}

func TestAnAnswerThatIsNoneIsExplained(t *testing.T) {
	t.Parallel()
	_, site := newSite(t)
	site = v0(site)
	const (
		refs = "application/x-git-upload-pack-advertisement"
		pack = "application/x-git-upload-pack-result"
	)
	for name, c := range map[string]struct {
		handler http.Handler
		want    Error
	}{
		"401": {
			status(401, "text/html", "<p>no</p>"),
			Error{Reason: Unauthorized, Message: "the server asks for credentials: the repository is private, or there is none of this name; check the URL, or name a Secret of type kubernetes.io/basic-auth"},
		},
		"403": {
			status(403, "text/plain; charset=utf-8", "rate limit\n"),
			Error{Reason: Unauthorized, Message: `the server forbids it (403); check that the credentials may read this repository, and the server's rate limit; it says "rate limit"`},
		},
		"404": {
			status(404, "text/plain", "Repository not found."),
			Error{Reason: NoSuchRepo, Message: `the server knows no such repository, or does not show it to these credentials (404); check the URL and the Secret; it says "Repository not found."`},
		},
		"410": {status(410, "text/html", ""), Error{Reason: NoSuchRepo, Message: "the server knows no such repository, or does not show it to these credentials (410); check the URL and the Secret"}},
		"418": {status(418, "text/html", ""), Error{Reason: BadServer, Message: "the server answers 418 I'm a teapot"}},
		"429": {status(429, "text/html", ""), Error{Reason: Unreachable, Message: "the server is failing or busy (429 Too Many Requests)"}},
		"500": {
			status(500, "text/plain", "\x1b[2J\nroot\x00"+strings.Repeat("é", 5000)),
			Error{Reason: Unreachable, Message: `the server is failing or busy (500 Internal Server Error); it says "\x1b[2J\nroot\x00` + strings.Repeat("é", 95) + `"…`},
		},
		"500 for the pack": {onPost(status(503, "text/html", ""), site), Error{Reason: Unreachable, Message: "the server is failing or busy (503 Service Unavailable)"}},
		"a web page": {
			status(200, "text/html; charset=utf-8", "<html>"),
			Error{Reason: BadServer, Message: `the server answers with "text/html; charset=utf-8" instead of application/x-git-upload-pack-advertisement: the URL is not that of a git repository`},
		},
		"the dumb protocol": {
			status(200, "text/plain", strings.Repeat("1", 40)+"\trefs/heads/main\n"),
			Error{Reason: BadServer, Message: `the server offers the repository as plain files (git's dumb protocol), which are not read here; let it run git http-backend, or use ssh`},
		},
		"no list of refs":         {status(200, refs, ""), Error{Reason: BadServer, Message: "the server's list of refs ends early"}},
		"something else as refs":  {status(200, refs, "hello, world"), Error{Reason: BadServer, Message: `the server's list of refs is malformed ("hell" is not the length of a packet)`}},
		"half a service line":     {status(200, refs, "000e# service=\n"), Error{Reason: BadServer, Message: "the server's list of refs does not begin as git's protocol says"}},
		"a line that is no ref":   {status(200, refs, "000ahello\n0000"), Error{Reason: BadServer, Message: `the server's list of refs has a line that is not one: "hello"`}},
		"half a list":             {status(200, refs, "003d"+strings.Repeat("1", 40)+" refs/heads/main\n"), Error{Reason: BadServer, Message: "the server's list of refs ends early"}},
		"a reason instead":        {status(200, refs, "001aERR access denied: x\x07\n"), Error{Reason: BadServer, Message: `the server broke off; it says "access denied: x\a"`}},
		"a web page for the pack": {onPost(status(200, "text/html", ""), site), Error{Reason: BadServer, Message: `the server answers with "text/html" instead of application/x-git-upload-pack-result: the URL is not that of a git repository`}},
		"no answer":               {onPost(status(200, pack, ""), site), Error{Reason: BadServer, Message: "the server's answer ends before the pack"}},
		"something else":          {onPost(status(200, pack, "hello, world"), site), Error{Reason: BadServer, Message: `the server's answer is malformed ("hell" is not the length of a packet)`}},
		"not what was asked":      {onPost(status(200, pack, "000ahello\n"), site), Error{Reason: BadServer, Message: `the server does not say where it cuts off history, but "hello\n"`}},
		"no acknowledgement":      {onPost(status(200, pack, "0000000ahello\n"), site), Error{Reason: BadServer, Message: `the server does not answer a request for a pack as git's protocol says, but with "hello\n"`}},
		"no pack":                 {onPost(status(200, pack, "00000008NAK\n0000"), site), Error{Reason: BadServer, Message: "the server's pack is damaged or ends early (empty packfile)"}},
		"an error in the pack":    {onPost(status(200, pack, "00000008NAK\n0011\x01PACK\x00\x00\x00\x02\x00\x00\x00\x010007\x01\xb0\x78000c\x03no more0000"), site), Error{Reason: BadServer, Message: `the server broke off; it says "no more"`}},
		"an unknown channel":      {onPost(status(200, pack, "00000008NAK\n0006\x07x0000"), site), Error{Reason: BadServer, Message: `the server sends neither pack nor message, but "\ax"`}},
		"an error with the pack":  {onPost(status(200, pack, "00000008NAK\n0010\x03out of disk\n0000"), site), Error{Reason: BadServer, Message: `the server broke off; it says "out of disk"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, c.handler) + "/site.git"
			c.want.Message = url + ": " + c.want.Message
			if diff := cmp.Diff(&c.want, mustFail(t, Request{Repo: url})); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// login asks for a username and a password, as servers of private repositories do.
func login(username, password string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, ok := r.BasicAuth()
		if ok && u == username && p == password {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Www-Authenticate", `Basic realm="`+r.Header.Get("Authorization")+`"`)
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "no: "+r.Header.Get("Authorization")+" "+u+" "+p+" "+url.QueryEscape(p)) // some do
	})
}

// serveTLS serves over https and returns the URL and a file with the authority.
func serveTLS(t testing.TB, h http.Handler, config *tls.Config) (string, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.TLS = config
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL + "/site.git", writeCA(t, server)
}

// writeCA writes a file with the authority of a server.
func writeCA(t testing.TB, server *httptest.Server) string {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.crt")
	content := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, append([]byte("the authority of acme\n"), content...), 0o644); err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestAPrivateRepositoryIsFetchedWithItsSecret(t *testing.T) {
	t.Parallel()
	_, site := newSite(t)
	for name, c := range map[string]struct {
		username string // that the server wants
		keys     map[string]string
	}{
		"username and password":        {"bob", map[string]string{"username": "bob", "password": "pass word%"}},
		"with newlines behind them":    {"bob", map[string]string{"username": "bob\n", "password": "pass word%\r\n"}},
		"a token without a username":   {"x-token-auth", map[string]string{"password": "pass word%"}},
		"a token, an empty username":   {"x-token-auth", map[string]string{"username": "", "password": "pass word%"}},
		"and other keys in the Secret": {"bob", map[string]string{"username": "bob", "password": "pass word%", "known_hosts": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, ca := serveTLS(t, login(c.username, "pass word%", site), nil)
			got, _ := mustFetch(t, Request{Repo: url, CAFile: ca, Auth: AuthBasic, AuthDir: secret(t, c.keys)})
			if !got.Changed {
				t.Errorf("got %+v, want a checkout", got)
			}
		})
	}
}

func TestNoCredentialIsInAnError(t *testing.T) {
	t.Parallel()
	_, site := newSite(t)
	for _, password := range []string{"hunter2hunter2", `with "quotes" and \`, "pässword ☃/+%", strings.Repeat("x", 190) + "secret"} {
		url, ca := serveTLS(t, login("bob", "other", site), nil)
		keys := map[string]string{"username": "ghp_0123456789abcdef0123456789", "password": password}
		got := mustFail(t, Request{Repo: url, CAFile: ca, Auth: AuthBasic, AuthDir: secret(t, keys)})
		want := url + `: the server does not take the username and password of the Secret; renew them, and check whether the server wants a certain username beside a token; it says "no: Basic … … … …"`
		if diff := cmp.Diff(&Error{Reason: Unauthorized, Message: want}, got); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	}
}

func TestASecretThatIsOfNoUseIsExplained(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys map[string]string
		want string
	}{
		"no password":             {map[string]string{"username": "bob"}, "the Secret has no key password"},
		"an empty password":       {map[string]string{"password": "\n"}, "the Secret's password is empty"},
		"two lines of password":   {map[string]string{"password": "a\nb"}, "the Secret's password has a line break or another control character in it"},
		"a colon in the username": {map[string]string{"username": "a:b", "password": "c"}, "the Secret's username has a colon or a control character in it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mustFail(t, Request{Repo: "https://127.0.0.1/x", Auth: AuthBasic, AuthDir: secret(t, c.keys)})
			want := &Error{Reason: Misconfigured, Message: "https://127.0.0.1/x: " + c.want}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// A token that has been renewed in the Secret is used without a new pod.
func TestTheSecretIsReadAnew(t *testing.T) {
	t.Parallel()
	_, site := newSite(t)
	url, ca := serveTLS(t, login("x-token-auth", "new", site), nil)
	dir := secret(t, nil)
	for _, step := range []struct {
		password string
		want     Reason
	}{{"old", Unauthorized}, {"new", ""}} {
		if err := os.WriteFile(filepath.Join(dir, "password"), []byte(step.password), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := fetch(t.Context(), ask(t, Request{Repo: url, CAFile: ca, Auth: AuthBasic, AuthDir: dir}), testTimeouts)
		e, _ := errors.AsType[*Error](err)
		if e == nil {
			e = &Error{}
		}
		if e.Reason != step.want {
			t.Errorf("with the %s password: got %v, want reason %q", step.password, err, step.want)
		}
	}
}

func TestAServerHasToProveItsName(t *testing.T) {
	t.Parallel()
	_, site := newSite(t)
	good, ca := serveTLS(t, site, nil)
	_, otherCA := serveTLS(t, site, &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}})
	old, oldCA := serveTLS(t, site, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}) //nolint:gosec // to be refused
	plain := strings.Replace(serve(t, site), "http://", "https://", 1) + "/site.git"
	noCA := filepath.Join(secret(t, map[string]string{"ca.crt": "none"}), "ca.crt")
	host := strings.TrimSuffix(strings.TrimPrefix(good, "https://"), "/site.git")
	for name, c := range map[string]struct {
		url, ca string
		want    Error
	}{
		"by the system's authorities":    {good, "", Error{Reason: UntrustedHost, Message: "the certificate of " + host + " is not trusted (x509: certificate signed by unknown authority); if its authority is a private one, name it with ca-configmap"}},
		"by the given ones alone":        {good, otherCA, Error{Reason: UntrustedHost, Message: "the certificate of " + host + " is not trusted (x509: certificate signed by unknown authority); the ConfigMap of ca-configmap must hold its authority, and no other is asked"}},
		"by the name that was asked for": {strings.Replace(good, "127.0.0.1", "127.0.0.2", 1), ca, Error{Reason: UntrustedHost, Message: ""}},
		"in a way that is still safe":    {old, oldCA, Error{Reason: Unreachable, Message: "the server cannot be reached (remote error: tls: protocol version not supported)"}},
		"at all":                         {plain, ca, Error{Reason: Unreachable, Message: "the server cannot be reached (http: server gave HTTP response to HTTPS client)"}},
		"to an authority that exists":    {good, noCA, Error{Reason: Misconfigured, Message: "the file of certificate authorities, " + quote(noCA) + ", holds no certificate; it must be PEM"}},
		"to one that can be read":        {good, "/nonexistent", Error{Reason: Misconfigured, Message: "the certificate authorities cannot be read (open /nonexistent: no such file or directory); check the ConfigMap of ca-configmap"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mustFail(t, Request{Repo: c.url, CAFile: c.ca})
			if c.want.Message == "" && strings.Contains(got.Message, "127.0.0.2") { // a test server on all of 127/8 is not to be had
				return
			}
			c.want.Message = c.url + ": " + c.want.Message
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
	if got, _ := mustFetch(t, Request{Repo: good, CAFile: ca}); !got.Changed {
		t.Errorf("with its authority: got %+v, want a checkout", got)
	}
}

// redirect sends every GET elsewhere once, and serves what is there.
func redirect(to func(path string) string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if target := to(r.URL.Path); target != "" {
			http.Redirect(w, r, target+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func TestRedirectsAreFollowedOnTheSameHostOnly(t *testing.T) {
	t.Parallel()
	_, site := newSite(t)
	other := serve(t, site)
	addGit := func(path string) string { // as GitLab, Gitea and GitHub do for a URL without it
		if rest, found := strings.CutPrefix(path, "/site/"); found {
			return "/site.git/" + rest
		}
		return ""
	}
	to := func(target string) func(string) string {
		return func(string) string { return target }
	}
	for name, c := range map[string]struct {
		to   func(string) string
		want Error
	}{
		"to add .git": {addGit, Error{}},
		"without end": {func(path string) string { return path }, Error{Reason: BadServer, Message: "the server redirects more than 5 times"}},
		"to another port": {to(other + "/site.git/info/refs"), Error{
			Reason: UntrustedHost, Message: "the server redirects to " + quote(other) + ", and only redirects on the same host are followed; if that is right, use its URL as repo",
		}},
		"to another host": {to("http://localhost:1/site.git/info/refs"), Error{
			Reason: UntrustedHost, Message: `the server redirects to "http://localhost:1", and only redirects on the same host are followed; if that is right, use its URL as repo`,
		}},
		"to another scheme": {to("file:///site.git/info/refs"), Error{
			Reason: UntrustedHost, Message: `the server redirects to "file://", and only redirects on the same host are followed; if that is right, use its URL as repo`,
		}},
		"to a login page": {func(path string) string {
			if strings.HasSuffix(path, "/info/refs") {
				return "/login"
			}
			return ""
		}, Error{
			Reason: NoSuchRepo, Message: `the server redirects to "/login", which is not a git repository; check the URL, and whether the repository is private`,
		}},
		"with a port that means https": {to("https://127.0.0.1:443/site.git/info/refs"), Error{
			Reason: UntrustedHost, Message: `the server redirects to "https://127.0.0.1:443", and only redirects on the same host are followed; if that is right, use its URL as repo`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, redirect(c.to, site)) + "/site"
			if c.want.Reason == "" {
				mustFetch(t, Request{Repo: url})
				return
			}
			c.want.Message = url + ": " + c.want.Message
			if diff := cmp.Diff(&c.want, mustFail(t, Request{Repo: url})); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("not for the pack", func(t *testing.T) {
		t.Parallel()
		url := serve(t, onPost(redirect(func(path string) string { return path + "/" }, site), site)) + "/site.git"
		want := &Error{Reason: BadServer, Message: url + ": the server redirects a request for a pack, which is not followed"}
		if diff := cmp.Diff(want, mustFail(t, Request{Repo: url})); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	})
}

func TestRedirectsThatChangeTheScheme(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to string
		want     bool
	}{
		"up, at the default ports":    {"http://h/x", "https://h/x/info/refs", true},
		"up, from another port":       {"http://h:8080/x", "https://h/x/info/refs", false},
		"up, to another port":         {"http://h/x", "https://h:8443/x/info/refs", false},
		"down":                        {"https://h/x", "http://h/x/info/refs", false},
		"down, with https's own port": {"https://h/x", "http://h:443/x/info/refs", false},
		"not, but the host's case":    {"https://H/x", "https://h:443/y/info/refs", true},
		"not, but a user appears":     {"https://h/x", "https://u:p@h/x/info/refs", false},
		"not, but a dot appears":      {"https://h/x", "https://h./x/info/refs", false},
	} {
		from, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, c.from, nil)
		to, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, c.to, nil)
		if err := new(httpRemote).checkRedirect(to, []*http.Request{from}); (err == nil) != c.want {
			t.Errorf("%s: got %v, want followed %v", name, err, c.want)
		}
	}
}

func TestAServerThatStallsOrDiesIsGivenUp(t *testing.T) {
	t.Parallel()
	_, site := newSite(t)
	site = v0(site)
	hang := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	hangIn := func(kind, begin string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, begin)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
	}
	die := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	dieIn := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		_, _ = io.WriteString(w, "00000008NAK\n")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	for name, h := range map[string]http.Handler{
		"before the list of refs":      hang,
		"in the list of refs":          hangIn("application/x-git-upload-pack-advertisement", "001e# service=git-upload-pack\n"),
		"before the pack":              onPost(hang, site),
		"in the pack":                  onPost(hangIn("application/x-git-upload-pack-result", "00000008NAK\n"), site),
		"dead before the list":         die,
		"dead before the pack":         onPost(die, site),
		"dead in the middle of a pack": onPost(dieIn, site),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := ask(t, Request{Repo: serve(t, h) + "/site.git"})
			_, err := fetch(t.Context(), r, timeouts{connect: time.Minute, idle: 300 * time.Millisecond})
			if e, ok := errors.AsType[*Error](err); !ok || e.Reason != Unreachable {
				t.Errorf("got %v, want Unreachable", err)
			}
			if left, _ := os.ReadDir(r.Dir); len(left) != 0 {
				t.Errorf("it leaves %v behind", left)
			}
		})
	}
}

func TestNobodyListening(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	url := "http://" + listener.Addr().String() + "/site.git"
	want := &Error{Reason: Unreachable, Message: url + ": the server cannot be reached (dial tcp " + listener.Addr().String() + ": connect: connection refused)"}
	if diff := cmp.Diff(want, mustFail(t, Request{Repo: url})); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestACancelledFetchEnds(t *testing.T) {
	t.Parallel()
	_, site := newSite(t)
	site = v0(site)
	for _, want := range []string{"was stopped before it was done", "did not finish in the time that one poll may take; ask for less with depth or a smaller repository, or allow more time"} {
		arrived := make(chan struct{})
		url := serve(t, onPost(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			close(arrived)
			<-r.Context().Done()
		}), site)) + "/site.git"
		ctx, cancel := context.WithCancel(t.Context())
		if strings.HasPrefix(want, "did") {
			ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
		}
		go func() {
			<-arrived
			if strings.HasPrefix(want, "was") {
				cancel()
			}
		}()
		_, err := fetch(ctx, ask(t, Request{Repo: url}), timeouts{time.Minute, time.Minute})
		cancel()
		if diff := cmp.Diff(&Error{Reason: TimedOut, Message: url + ": " + want}, err); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	}
}

// endless sends a beginning, and then one thing forever.
func endless(kind, begin, again string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, begin)
		again := []byte(strings.Repeat(again, 64<<10/len(again)))
		for {
			if _, err := w.Write(again); err != nil {
				return
			}
		}
	})
}

func TestAServerThatNeverEndsIsCutOff(t *testing.T) {
	t.Parallel()
	_, site := newSite(t)
	site = v0(site)
	const pack = "application/x-git-upload-pack-result"
	line := "003d" + strings.Repeat("1", 40) + " refs/heads/aaaa\n"
	for name, c := range map[string]struct {
		handler http.Handler
		want    string
	}{
		"in its refs":         {endless("application/x-git-upload-pack-advertisement", "001e# service=git-upload-pack\n0000", line), "the server's list of refs does not end within the budget"},
		"in where history is": {onPost(endless(pack, "", "0035shallow "+strings.Repeat("1", 40)+"\n"), site), "the server's pack does not end within the budget"},
		"in what it is doing": {onPost(endless(pack, "00000008NAK\n", "0009\x02busy"), site), "the server's pack does not end within the budget"},
		"in its pack": {
			onPost(endless(pack, "00000008NAK\n"+pkt("\x01PACK\x00\x00\x00\x02\x00\x07\x00\x00"), pkt("\x01"+objectHeader(3, 0)+"\x78\x9c\x03\x00\x00\x00\x00\x01")), site),
			"the repository's pack is larger than the budget of 1048576 bytes; ask for less history with depth, or for a larger volumeSizeLimit in the policy, of which the budget is a fifth",
		},
		"in one object": {
			onPost(endless(pack, "00000008NAK\n"+pkt("\x01PACK\x00\x00\x00\x02\x00\x00\x00\x01"+objectHeader(3, 1<<19)+"\x78\x01"), pkt("\x01\x00\x10\x00\xef\xff0123456789abcdef")), site),
			"the server's pack is damaged or ends early (packfile: inflated object exceeds declared size)",
		},
		"in its refusal": {endless("text/plain", "", "no"), `the server answers with "text/plain" instead of application/x-git-upload-pack-advertisement: the URL is not that of a git repository`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, c.handler) + "/site.git"
			got := mustFail(t, Request{Repo: url, MaxBytes: 1 << 20})
			where := url
			if got.Commit != "" {
				where += " at " + got.Commit
			}
			if got.Message != where+": "+c.want {
				t.Errorf("got %q, want %q", got.Message, where+": "+c.want)
			}
		})
	}
}

// pkt frames a line of git's protocol.
func pkt(line string) string { return fmt.Sprintf("%04x%s", len(line)+4, line) }

// objectHeader begins an object in a pack (gitformat-pack(5)).
func objectHeader(kind byte, size int64) string {
	out := []byte{kind<<4 | byte(size&0xf)}
	for size >>= 4; size > 0; size >>= 7 {
		out[len(out)-1] |= 0x80
		out = append(out, byte(size&0x7f))
	}
	return string(out)
}

func TestAPackThatEndsEarlyIsNoPack(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	r.commit("refs/heads/main", files{"a": strings.Repeat("a", 1000), "b": "b"})
	site := v0(backend(t, filepath.Dir(r.dir)))
	full := 0
	for cut := 0; cut == 0 || cut < full; cut += 7 {
		request := ask(t, Request{Repo: serve(t, onPost(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			recorder := httptest.NewRecorder()
			site.ServeHTTP(recorder, r)
			full = recorder.Body.Len()
			w.Header().Set("Content-Type", recorder.Header().Get("Content-Type"))
			_, _ = w.Write(recorder.Body.Bytes()[:min(cut, full)])
		}), site)) + "/site.git"})
		_, err := fetch(t.Context(), request, testTimeouts)
		e, ok := errors.AsType[*Error](err)
		if cut >= full-4 { // the flush behind the pack is a courtesy
			continue
		}
		if !ok || e.Reason != BadServer {
			t.Errorf("cut at %d of %d: got %v, want BadServer", cut, full, err)
		}
		if left, _ := os.ReadDir(request.Dir); len(left) != 0 {
			t.Errorf("cut at %d of %d: it leaves %v behind", cut, full, left)
		}
	}
}

// Azure DevOps answers 400 to a client that does not offer multi_ack (go-git's
// COMPATIBILITY.md); others have other habits. Each is a server in front of git's own.
func TestTheHabitsOfServers(t *testing.T) {
	t.Parallel()
	_, site := newSite(t)
	site = v0(site)
	body := func(r *http.Request) string {
		content, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(content)))
		return string(content)
	}
	// without drops capabilities from the list that the server sends.
	without := func(drop ...string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			recorder := httptest.NewRecorder()
			site.ServeHTTP(recorder, r)
			text := recorder.Body.String()
			for _, name := range drop { // the lengths of the lines stay as they are
				text = strings.ReplaceAll(text, " "+name+" ", " "+strings.Repeat("x", len(name))+" ")
			}
			w.Header().Set("Content-Type", recorder.Header().Get("Content-Type"))
			_, _ = io.WriteString(w, text)
		})
	}
	for name, h := range map[string]http.Handler{
		"Azure DevOps insists on multi_ack": onPost(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(body(r), "multi_ack") {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			site.ServeHTTP(w, r)
		}), site),
		"GitHub and Bitbucket look at the User-Agent": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.UserAgent(), "git/") {
				w.WriteHeader(http.StatusNotAcceptable)
				return
			}
			site.ServeHTTP(w, r)
		}),
		"one that knows multi_ack only": without("multi_ack_detailed"),
		"one without multi_ack":         without("multi_ack", "multi_ack_detailed"),
		"one with narrow side bands":    without("side-band-64k"),
		"one without side bands":        without("side-band-64k", "side-band"),
		"one without shallow clones":    without("shallow"),
		"one without ofs-delta":         without("ofs-delta"),
		"one that acknowledges twice":   onPost(twice(site), site),
		"one that closes after each answer": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close")
			site.ServeHTTP(w, r)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, _ := mustFetch(t, Request{Repo: serve(t, h) + "/site.git"}); !got.Changed {
				t.Errorf("got %+v, want a checkout", got)
			}
		})
	}
}

// twice doubles the line before the pack.
func twice(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r)
		w.Header().Set("Content-Type", recorder.Header().Get("Content-Type"))
		_, _ = io.WriteString(w, strings.Replace(recorder.Body.String(), "0008NAK\n", "0008NAK\n0008NAK\n", 1))
	})
}
