// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
)

// proxied is a request for a repository that only the proxy can lead to.
func proxied(t testing.TB, secure bool) (*testProxy, Request) {
	t.Helper()
	_, site := newSite(t)
	url, ca := serveTLS(t, site, nil)
	p := newProxyServer(t, hostOf(url), secure)
	return p, Request{Repo: "https://example.com/site.git", CAFile: ca, Proxy: p.url} // of which net/http/httptest has a certificate
}

func TestARepositoryIsFetchedThroughAProxy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		secure bool
		login  string
		keys   map[string]string
	}{
		"by http":            {false, "", nil},
		"by https":           {true, "", nil},
		"with a password":    {false, "bob:pass word%", map[string]string{"username": "bob\n", "password": "pass word%\n"}},
		"with one, by https": {true, "bob:secret", map[string]string{"username": "bob", "password": "secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, request := proxied(t, c.secure)
			p.login = c.login
			if c.keys != nil {
				request.ProxyAuthDir = secret(t, c.keys)
			}
			if got, _ := mustFetch(t, request); !got.Changed {
				t.Errorf("got %+v, want a checkout", got)
			}
			if diff := cmp.Diff([]string{"CONNECT example.com:443"}, p.seen()); diff != "" {
				t.Errorf("the proxy's requests (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("of a plain http server", func(t *testing.T) {
		t.Parallel()
		_, site := newSite(t)
		p := newProxyServer(t, hostOf(serve(t, site)), false)
		p.login = "bob:secret"
		got, _ := mustFetch(t, Request{Repo: "http://git.acme.example/site.git", Proxy: p.url, ProxyAuthDir: secret(t, map[string]string{"username": "bob", "password": "secret"})})
		if !got.Changed {
			t.Errorf("got %+v, want a checkout", got)
		}
		if diff := cmp.Diff([]string{"GET git.acme.example", "POST git.acme.example"}, p.seen()); diff != "" {
			t.Errorf("the proxy's requests (-want +got):\n%s", diff)
		}
	})
}

func TestARepositoryIsFetchedOverSSHThroughAProxy(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	r.commit("refs/heads/main", files{"a": "a"})
	for _, secure := range []bool{false, true} {
		s := newSSHServer(t)
		p := newProxyServer(t, s.address, secure)
		p.login = "bob:secret"
		request := s.request(t, r.dir, "git.acme.example "+strings.TrimPrefix(s.line(ssh.KeyAlgoED25519), strings.Fields(s.line(ssh.KeyAlgoED25519))[0]+" "))
		request.Repo = "ssh://git@git.acme.example" + r.dir
		request.Proxy, request.ProxySSH, request.ProxyAuthDir = p.url, true, secret(t, map[string]string{"username": "bob", "password": "secret"})
		request.CAFile = httptestCA(t)
		if got, _ := mustFetch(t, request); !got.Changed {
			t.Errorf("got %+v, want a checkout", got)
		}
		if diff := cmp.Diff([]string{"CONNECT git.acme.example:22"}, p.seen()); diff != "" {
			t.Errorf("the proxy's requests (-want +got):\n%s", diff)
		}
		p.answer = 403
		want := &Error{Reason: Unauthorized, Message: request.Repo + ": the proxy " + hostOf(p.url) + " does not lead to git.acme.example:22 (403 Forbidden); allow it there, or list the host in noProxy"}
		if diff := cmp.Diff(want, mustFail(t, request)); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	}
}

// httptestCA is a file with the certificate that every server of net/http/httptest has.
func httptestCA(t testing.TB) string {
	t.Helper()
	_, ca := serveTLS(t, status(404, "text/plain", ""), nil)
	return ca
}

// The rules are those of NO_PROXY as Go's programs know them.
func TestSomeHostsAreReachedWithoutTheProxy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		repo, noProxy string
		ssh           bool
		want          bool
	}{
		"any":                      {"https://git.acme.example/x", "", false, true},
		"the host":                 {"https://git.acme.example/x", "localhost, git.acme.example", false, false},
		"its domain":               {"https://git.acme.example/x", "acme.example", false, false},
		"its domain, with a dot":   {"https://git.acme.example/x", ".acme.example", false, false},
		"the domain, with a dot":   {"https://acme.example/x", ".acme.example", false, true},
		"another case":             {"https://Git.ACME.example/x", "git.acme.EXAMPLE", false, false},
		"a name that ends alike":   {"https://notacme.example/x", "acme.example", false, true},
		"everything":               {"https://git.acme.example/x", "*", false, false},
		"the port":                 {"https://git.acme.example/x", "git.acme.example:443", false, false},
		"another port":             {"https://git.acme.example/x", "git.acme.example:8443", false, true},
		"an address":               {"https://10.1.2.3/x", "10.1.2.3", false, false},
		"a block of addresses":     {"https://10.1.2.3:8443/x", "10.0.0.0/8,192.168.0.0/16", false, false},
		"another block":            {"https://11.1.2.3/x", "10.0.0.0/8", false, true},
		"an IPv6 block":            {"https://[fd00::1]/x", "fd00::/8", false, false},
		"this machine":             {"https://127.0.0.1:8443/x", "", false, false},
		"this machine by name":     {"http://localhost/x", "", false, false},
		"plain http":               {"http://git.acme.example/x", "", false, true},
		"ssh, if not asked for":    {"ssh://git@git.acme.example/x", "", false, false},
		"ssh, if asked for":        {"ssh://git@git.acme.example/x", "", true, true},
		"ssh, with its port":       {"ssh://git@git.acme.example/x", "git.acme.example:22", true, false},
		"ssh, of another port":     {"ssh://git@git.acme.example:2222/x", "git.acme.example:22", true, true},
		"ssh, of a domain":         {"ssh://git@git.acme.example/x", "acme.example", true, false},
		"entries that are nothing": {"https://git.acme.example/x", ",, ,:,[", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := parseRepo(c.repo)
			if err != nil {
				t.Fatal(err)
			}
			p, err := newProxy(&Request{Proxy: "http://proxy.acme.example:3128", NoProxy: c.noProxy, ProxySSH: c.ssh})
			if err != nil {
				t.Fatal(err)
			}
			if got := p.to(e.URL); (got != nil) != c.want {
				t.Errorf("the proxy is %v, want one: %v", got, c.want)
			}
		})
	}
}

func TestWhatIsWrongWithAProxyIsSaid(t *testing.T) {
	t.Parallel()
	bob := map[string]string{"username": "bob", "password": "hunter2"}
	closed := freeAddress(t)
	for name, c := range map[string]struct {
		change func(*testProxy, *Request)
		keys   map[string]string
		want   Error
	}{
		"a password is missing": {func(p *testProxy, _ *Request) { p.login = "bob:secret" }, nil, Error{Reason: Unauthorized, Message: "the proxy {proxy} asks for a username and password (407), and the policy names no Secret with them; name one, or list the host in noProxy"}},
		"a wrong password":      {func(p *testProxy, _ *Request) { p.login = "bob:secret" }, bob, Error{Reason: Unauthorized, Message: "the proxy {proxy} does not take the username and password of its Secret (407); renew them"}},
		"another kind of login": {func(p *testProxy, _ *Request) {
			p.answer, p.headers["Proxy-Authenticate"] = 407, "NTLM, Negotiate"
		}, bob, Error{Reason: Unauthorized, Message: `the proxy {proxy} asks for credentials of a kind ("NTLM, Negotiate") that is not spoken here (407); it has to allow Basic, or to let example.com:443 through without`}},
		"the host is forbidden": {func(p *testProxy, _ *Request) { p.answer = 403 }, nil, Error{Reason: Unauthorized, Message: "the proxy {proxy} does not lead to example.com:443 (403 Forbidden); allow it there, or list the host in noProxy"}},
		"the host is away":      {func(p *testProxy, _ *Request) { p.to = closed }, nil, Error{Reason: Unreachable, Message: "the proxy {proxy} cannot reach example.com:443, or is busy (502 Bad Gateway)"}},
		"it is busy": {func(p *testProxy, _ *Request) { p.answer, p.headers["Retry-After"] = 503, "120" }, nil, Error{
			Reason: Unreachable, Message: "the proxy {proxy} cannot reach example.com:443, or is busy (503 Service Unavailable); it asks to wait 2m0s", RetryAfter: 2 * time.Minute,
		}},
		"it is no proxy":         {func(p *testProxy, _ *Request) { p.answer = 404 }, nil, Error{Reason: BadServer, Message: "the proxy {proxy} answers 404 Not Found when asked for example.com:443; check its URL"}},
		"it is not there":        {func(p *testProxy, r *Request) { p.url = "http://" + closed; r.Proxy = p.url }, nil, Error{Reason: Unreachable, Message: "the proxy {proxy} cannot be reached (dial tcp {proxy}: connect: connection refused)"}},
		"it speaks no TLS":       {func(_ *testProxy, r *Request) { r.Proxy = strings.Replace(r.Proxy, "http:", "https:", 1) }, nil, Error{Reason: Unreachable, Message: "the proxy {proxy} cannot be reached (tls: first record does not look like a TLS handshake)"}},
		"credentials in its URL": {func(_ *testProxy, r *Request) { r.Proxy = "http://bob:hunter2@proxy.acme.example" }, nil, Error{Reason: Misconfigured, Message: "the proxy's URL must not contain credentials; they belong in a Secret"}},
		"another scheme":         {func(_ *testProxy, r *Request) { r.Proxy = "socks5://proxy.acme.example" }, nil, Error{Reason: Misconfigured, Message: "the proxy must be a URL such as http://proxy.acme.example:3128, or https:// if it speaks TLS"}},
		"no scheme":              {func(_ *testProxy, r *Request) { r.Proxy = "proxy.acme.example:3128" }, nil, Error{Reason: Misconfigured, Message: "the proxy must be a URL such as http://proxy.acme.example:3128, or https:// if it speaks TLS"}},
		"a path":                 {func(_ *testProxy, r *Request) { r.Proxy += "/x" }, nil, Error{Reason: Misconfigured, Message: "the proxy must be a URL such as http://proxy.acme.example:3128, or https:// if it speaks TLS"}},
		"no password":            {func(*testProxy, *Request) {}, map[string]string{"username": "bob"}, Error{Reason: Misconfigured, Message: "the proxy's Secret has no key password"}},
		"an empty password":      {func(*testProxy, *Request) {}, map[string]string{"username": "bob", "password": ""}, Error{Reason: Misconfigured, Message: "the proxy's Secret's password is empty"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, request := proxied(t, false)
			c.change(p, &request)
			if c.keys != nil {
				request.ProxyAuthDir = secret(t, c.keys)
			}
			c.want.Message = request.Repo + ": " + strings.ReplaceAll(c.want.Message, "{proxy}", hostOf(p.url))
			if diff := cmp.Diff(&c.want, mustFail(t, request)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("a password is missing, for plain http", func(t *testing.T) {
		t.Parallel()
		p := newProxyServer(t, closed, false)
		p.login = "bob:secret"
		want := &Error{Reason: Unauthorized, Message: "http://git.acme.example/x: the proxy " + hostOf(p.url) + " asks for a username and password (407), and the policy names no Secret with them; name one, or list the host in noProxy"}
		if diff := cmp.Diff(want, mustFail(t, Request{Repo: "http://git.acme.example/x", Proxy: p.url})); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	})
	t.Run("nobody vouches for it", func(t *testing.T) {
		t.Parallel()
		p, request := proxied(t, true)
		_, request.CAFile = serveTLS(t, status(404, "", ""), &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}})
		want := &Error{Reason: UntrustedHost, Message: request.Repo + ": the certificate of the proxy " + hostOf(p.url) + " is not trusted (x509: certificate signed by unknown authority); its authority belongs in the policy's extra ones"}
		if diff := cmp.Diff(want, mustFail(t, request)); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	})
}

// freeAddress is one at which nobody listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// A proxy that stalls, babbles or hangs up costs one poll, whatever is asked through it.
func TestAProxyThatMisbehavesIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, say := range map[string]string{
		"it stalls":                   "",
		"it stalls in its answer":     "HTTP/1.1 200 OK\r\n",
		"its answer has no end":       "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 1000),
		"it speaks another protocol":  "220 mail.acme.example ESMTP\r\n\r\n",
		"it repeats its login":        "HTTP/1.1 Basic bob:hunter2hunter2 Ym9iOmh1bnRlcjJodW50ZXIy\r\n\r\n",
		"it repeats it in a header":   "HTTP/1.1 200 OK\r\nhunter2hunter2\r\n\r\n",
		"it asks for it in its words": "HTTP/1.1 407 hunter2hunter2\r\nProxy-Authenticate: hunter2hunter2 x\r\n\r\n",
	} {
		for _, scheme := range []string{"https", "http", "ssh"} {
			t.Run(name+", for "+scheme, func(t *testing.T) {
				t.Parallel()
				address := listen(t, func(conn net.Conn) {
					_, _ = io.WriteString(conn, say)
					_, _ = io.Copy(io.Discard, conn)
				})
				request := ask(t, Request{
					Repo: scheme + "://git.acme.example/x", Proxy: "http://" + address, ProxySSH: true,
					ProxyAuthDir: secret(t, map[string]string{"username": "bob", "password": "hunter2hunter2"}),
				})
				if scheme == "ssh" {
					request.Auth, request.AuthDir = AuthSSH, secret(t, map[string]string{"ssh-privatekey": string(newSSHServer(t).key), "known_hosts": ""})
				}
				_, err := fetch(t.Context(), request, timeouts{connect: 500 * time.Millisecond, idle: 500 * time.Millisecond})
				e, ok := err.(*Error) //nolint:errorlint // it is never wrapped
				if !ok || e.Reason != Unreachable && e.Reason != Unauthorized && e.Reason != BadServer {
					t.Fatalf("got %v", err)
				}
				if strings.Contains(e.Message, "hunter2") || strings.Contains(e.Message, "Ym9iOmh1bnRlcjJodW50ZXIy") || len(e.Message) > 600 {
					t.Errorf("the message is %q", e.Message)
				}
			})
		}
	}
}

// listen serves connections with a function.
func listen(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				handle(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func TestExtraAuthoritiesAreBesideTheOthers(t *testing.T) {
	t.Parallel()
	_, site := newSite(t)
	url, ca := serveTLS(t, site, nil)
	own := selfSigned(t)
	_, other := serveTLS(t, site, &tls.Config{Certificates: []tls.Certificate{own}})
	for name, r := range map[string]Request{
		"beside the system's":       {ExtraCAFile: ca},
		"beside those of a pod":     {ExtraCAFile: ca, CAFile: other},
		"and the other way around":  {ExtraCAFile: other, CAFile: ca},
		"both the same":             {ExtraCAFile: ca, CAFile: ca},
		"two in one file, in order": {ExtraCAFile: concatenated(t, other, ca)},
	} {
		r.Repo = url
		if got, _ := mustFetch(t, r); !got.Changed {
			t.Errorf("%s: got %+v, want a checkout", name, got)
		}
	}
	for name, c := range map[string]struct {
		request Request
		want    Error
	}{
		"none of them": {Request{ExtraCAFile: other}, Error{Reason: UntrustedHost, Message: "the certificate of " + hostOf(url) + " is not trusted (x509: certificate signed by unknown authority); if its authority is a private one, name it with ca-configmap"}},
		"no file":      {Request{ExtraCAFile: "/nonexistent"}, Error{Reason: Misconfigured, Message: "the certificate authorities cannot be read (open /nonexistent: no such file or directory); check the ConfigMap that the policy names for all pods"}},
	} {
		c.request.Repo, c.want.Message = url, url+": "+c.want.Message
		if diff := cmp.Diff(&c.want, mustFail(t, c.request)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// concatenated is a file with what others hold.
func concatenated(t testing.TB, paths ...string) string {
	t.Helper()
	var all []byte
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	return filepath.Join(secret(t, map[string]string{"ca.crt": string(all)}), "ca.crt")
}
