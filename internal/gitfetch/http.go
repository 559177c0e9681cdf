// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
)

const (
	infoRefs     = "/info/refs"
	maxRedirects = 5
	// maxBody is how much of an error's body is read, in bytes.
	maxBody = 4 << 10
)

// httpRemote speaks git's smart protocol over https or http (gitprotocol-http(5)).
type httpRemote struct {
	client *http.Client
	base   *url.URL // of the repository; after the greeting, where redirects have led
	login  *basicAuth
	ownCAs bool          // rather than the system's
	answer io.ReadCloser // open, if not nil

	mu   sync.Mutex
	conn *idleConn // the last that was dialed
}

func newHTTPRemote(e endpoint, caFile string, login *basicAuth, t timeouts) (*httpRemote, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		var err error
		if config.RootCAs, err = readCAs(caFile); err != nil {
			return nil, err
		}
	}
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1) // for servers that close between polls
	h := &httpRemote{base: e.URL, login: login, ownCAs: caFile != ""}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := t.dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.conn = conn
		return conn, nil
	}
	h.client = &http.Client{
		CheckRedirect: checkRedirect,
		Transport: &http.Transport{ // no Proxy: the environment is not asked
			DialContext:            dial,
			TLSClientConfig:        config,
			TLSHandshakeTimeout:    t.connect,
			ResponseHeaderTimeout:  t.idle,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost:    1,
			DisableCompression:     true, // packs are compressed, and a second layer would defeat the budget
		},
	}
	return h, nil
}

func readCAs(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, failf(Misconfigured, "the certificate authorities cannot be read (%v); check the ConfigMap of ca-configmap", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, failf(Misconfigured, "the file of certificate authorities, %s, holds no certificate; it must be PEM", foreign(file))
	}
	return pool, nil
}

// checkRedirect lets a server send us elsewhere on itself, as GitLab does to add
// .git, and nowhere else: credentials and the policy's list of repositories are for
// one host.
func checkRedirect(req *http.Request, via []*http.Request) error {
	from, to := via[0].URL, req.URL
	upgrade := from.Scheme == "http" && to.Scheme == "https" && strings.HasSuffix(addressOf(from), ":80") && strings.HasSuffix(addressOf(to), ":443")
	switch {
	case via[0].Method != http.MethodGet:
		return failf(BadServer, "the server redirects a request for a pack, which is not followed")
	case len(via) > maxRedirects:
		return failf(BadServer, "the server redirects more than %d times", maxRedirects)
	case to.User != nil, !strings.EqualFold(from.Hostname(), to.Hostname()), !upgrade && (from.Scheme != to.Scheme || addressOf(from) != addressOf(to)):
		return failf(UntrustedHost, "the server redirects to %s, and only redirects on the same host are followed; if that is right, use its URL as repo", foreign(to.Scheme+"://"+to.Host))
	case !strings.HasSuffix(to.Path, infoRefs):
		return failf(NoSuchRepo, "the server redirects to %s, which is not a git repository; check the URL, and whether the repository is private", foreign(to.Path))
	}
	return nil
}

func (h *httpRemote) greet(ctx context.Context) (io.Reader, error) {
	const kind = "application/x-git-upload-pack-advertisement"
	response, err := h.do(ctx, http.MethodGet, h.base.JoinPath(infoRefs), "service=git-upload-pack", nil, kind)
	if err != nil {
		return nil, err
	}
	base := *response.Request.URL // redirects are followed
	base.RawQuery, base.Path, base.RawPath = "", strings.TrimSuffix(base.Path, infoRefs), strings.TrimSuffix(base.RawPath, infoRefs)
	h.base = &base
	return response.Body, nil
}

func (*httpRemote) forgetful() bool { return true }

func (h *httpRemote) ask(ctx context.Context, request []byte) (io.Reader, error) {
	response, err := h.do(ctx, http.MethodPost, h.base.JoinPath("git-upload-pack"), "", request, "application/x-git-upload-pack-result")
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

// do sends a request and returns a response that is a success and of the kind that
// git's protocol demands. Its body is open until the next call.
func (h *httpRemote) do(ctx context.Context, method string, to *url.URL, query string, body []byte, kind string) (*http.Response, error) {
	h.finishAnswer()
	h.last().wake()
	to.RawQuery = query
	req, err := http.NewRequestWithContext(ctx, method, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, failf(Misconfigured, "the repository's URL cannot be used in a request")
	}
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Accept", kind)
	req.Header.Set("Git-Protocol", "version=2")
	req.Header["Idempotency-Key"] = nil // says, to net/http alone, that a kept connection which turns out dead is worth another
	if body != nil {
		req.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	}
	if h.login != nil {
		req.SetBasicAuth(h.login.username, h.login.password)
	}
	response, err := h.client.Do(req)
	if err != nil {
		return nil, h.requestError(ctx, err)
	}
	h.answer = response.Body
	if response.StatusCode != http.StatusOK {
		return nil, h.statusError(response)
	}
	got := response.Header.Get("Content-Type")
	if media, _, _ := mime.ParseMediaType(got); media != kind {
		return nil, failf(BadServer, "the server answers with %s instead of %s: the URL is not that of a git repository, or the server knows only git's old (dumb) protocol", foreign(got), kind)
	}
	return response, nil
}

// requestError is why there was no response. What net/http adds to it, method and
// URL, says nothing new.
func (h *httpRemote) requestError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return timedOut(ctx)
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	if invalid, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		advice := "if its authority is a private one, name it with ca-configmap"
		if h.ownCAs {
			advice = "the ConfigMap of ca-configmap must hold its authority, and no other is asked"
		}
		return failf(UntrustedHost, "the certificate of %s is not to be trusted (%v); %s", h.base.Host, invalid.Err, advice)
	}
	return connectionError(err)
}

func (h *httpRemote) statusError(response *http.Response) error {
	var e *failure
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized && h.login == nil:
		e = failf(Unauthorized, "the server asks for credentials: the repository is private, or there is none of this name; check the URL, or name a Secret of type kubernetes.io/basic-auth")
	case code == http.StatusUnauthorized:
		e = failf(Unauthorized, "the server does not take the username and password of the Secret; renew them, and check whether the server wants a certain username beside a token")
	case code == http.StatusForbidden:
		e = failf(Unauthorized, "the server forbids it (403); check that the credentials may read this repository, and the server's rate limit")
	case code == http.StatusNotFound || code == http.StatusGone:
		e = failf(NoSuchRepo, "the server knows no such repository, or does not show it to these credentials (%d); check the URL and the Secret", code)
	case code == http.StatusTooManyRequests || code >= 500:
		e = failf(Unreachable, "the server is unwell or busy (%d %s)", code, http.StatusText(code))
	default:
		e = failf(BadServer, "the server answers %d %s", code, http.StatusText(code))
	}
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind == "text/plain" {
		body, _ := io.ReadAll(io.LimitReader(response.Body, maxBody)) // a part of it is as good
		e = e.says(string(body))
	}
	return e
}

// finishAnswer closes the last response. Read to its end, its connection serves again.
func (h *httpRemote) finishAnswer() {
	if h.answer != nil {
		_, _ = io.CopyN(io.Discard, h.answer, maxBody)
		_ = h.answer.Close()
		h.answer = nil
	}
}

func (*httpRemote) explain(err error) error { return err }

func (h *httpRemote) last() *idleConn {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.conn
}

func (h *httpRemote) rest() {
	h.finishAnswer()
	h.last().rest()
}

func (h *httpRemote) close() {
	if h.answer != nil {
		_ = h.answer.Close()
	}
	h.client.CloseIdleConnections()
}
