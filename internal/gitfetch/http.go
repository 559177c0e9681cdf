// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
)

func newHTTPRemote(e endpoint, q *Request, login *basicAuth, r *route) (*httpRemote, error) {
	redirects, err := parsePatterns(q.Redirects)
	if err != nil {
		return nil, err
	}
	secretFor, err := parsePatterns(q.SecretFor)
	if err != nil {
		return nil, err
	}
	h := &httpRemote{base: e.URL, login: login, redirects: redirects, secretFor: secretFor, route: r}
	h.client = &http.Client{CheckRedirect: h.checkRedirect, Transport: r.transport(h.dial)}
	return h, nil
}

func (h *httpRemote) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := h.route.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conn = conn
	return conn, nil
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
	if h.login != nil && h.barred == "" {
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
	if media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); media != kind {
		return nil, otherKind(response, kind)
	}
	return response, nil
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
