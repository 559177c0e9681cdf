// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// testProxy is an HTTP proxy that leads wherever it is asked for to one server.
type testProxy struct {
	url     string
	to      string            // host:port
	others  map[string]string // where it leads for some hosts
	login   string            // user:password that it wants, or ""
	answer  int               // instead of serving, or 0
	headers map[string]string // of that answer

	mu    sync.Mutex
	asked []string
}

func newProxyServer(t testing.TB, to string, secure bool) *testProxy {
	t.Helper()
	p := &testProxy{to: to, headers: map[string]string{}}
	server := httptest.NewUnstartedServer(p)
	server.Config.ErrorLog = nil
	server.TLS = new(tls.Config)
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *testProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.Host)
	p.mu.Unlock()
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.login))
	if got := r.Header.Get("Proxy-Authorization"); p.login != "" && got != want {
		w.Header().Set("Proxy-Authenticate", `Negotiate, Basic realm="`+got+`"`)
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	if p.answer != 0 {
		for name, value := range p.headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(p.answer)
		return
	}
	if r.Method != http.MethodConnect {
		(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: p.to}) }}).ServeHTTP(w, r)
		return
	}
	to := p.to
	if other := p.others[r.Host]; other != "" {
		to = other
	}
	there, err := net.Dial("tcp", to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() {
		_, _ = io.Copy(there, here)
		_ = there.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(here, there)
}

// seen are the requests so far, each once.
func (p *testProxy) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	sorted := slices.Clone(p.asked)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// hostOf is the host and port of a URL.
func hostOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}
