// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

const (
	// maxBody is how much of an error's body is read, in bytes.
	maxBody = 16 << 10
	// maxRetryAfter is how long a server can have us wait.
	maxRetryAfter = time.Hour
)

// requestError is why there was no response. What net/http adds to it, method and
// URL, says nothing new.
func (h *httpRemote) requestError(ctx context.Context, err error) error {
	return h.route.requestError(ctx, err, h.base.Host)
}

func (r *route) requestError(ctx context.Context, err error, host string) error {
	if ctx.Err() != nil {
		return timedOut(ctx)
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	if of := r.proxy.unreachable(err); of != nil {
		return of
	}
	if invalid, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		advice := "if its authority is a private one, name it with ca-configmap"
		if r.ownCAs {
			advice = "the ConfigMap of ca-configmap must hold its authority, and no other is asked"
		}
		return failf(UntrustedHost, "the certificate of %s is not trusted (%v); %s", host, invalid.Err, advice)
	}
	return connectionError(err)
}

func (h *httpRemote) statusError(response *http.Response) error {
	code := response.StatusCode
	if code == http.StatusProxyAuthRequired && h.route.proxy.to(response.Request.URL) != nil { // by http there is no CONNECT
		return h.route.proxy.refusal(response, response.Request.URL.Host)
	}
	var e *failure
	switch {
	case h.barred != "" && (code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusNotFound):
		e = failf(Unauthorized, "the server redirects to %s, another repository, to which the Secret is not sent (%d); if that is right, use its URL as repo", foreign(h.barred), code)
	case code == http.StatusUnauthorized && h.login == nil:
		e = failf(Unauthorized, "the server asks for credentials: the repository is private, or there is none of this name; check the URL, or name a Secret of type kubernetes.io/basic-auth")
	case code == http.StatusUnauthorized && h.login.app:
		e = failf(Unauthorized, "the server does not take the token of the GitHub App's installation; check that the App is still installed")
	case code == http.StatusUnauthorized:
		e = failf(Unauthorized, "the server does not take the username and password of the Secret; renew them, and check whether the server wants a certain username beside a token")
	case code == http.StatusForbidden:
		e = failf(Unauthorized, "the server forbids it (403); check that the credentials may read this repository, and the server's rate limit")
	case code == http.StatusNotFound || code == http.StatusGone:
		e = failf(NoSuchRepo, "the server knows no such repository, or does not show it to these credentials (%d); check the URL and the Secret", code)
	case code == http.StatusTooManyRequests || code >= 500:
		e = failf(Unreachable, "the server is failing or busy (%d %s)", code, http.StatusText(code))
	default:
		e = failf(BadServer, "the server answers %d %s", code, http.StatusText(code))
	}
	return e.later(response).says(serverWords(response))
}

// dumb is how the list of refs begins that is a file (gitprotocol-http(5), "Dumb Clients").
var dumb = regexp.MustCompile(`^[0-9a-f]{40}\trefs/`)

// otherKind is the error of a success that is not of the kind that git's protocol demands.
func otherKind(response *http.Response, want string) *failure {
	begin := make([]byte, 64)
	n, _ := io.ReadFull(response.Body, begin)
	if dumb.Match(begin[:n]) {
		return failf(BadServer, "the server offers the repository as plain files (git's dumb protocol), which are not read here; let it run git http-backend, or use ssh")
	}
	return failf(BadServer, "the server answers with %s instead of %s: the URL is not that of a git repository", foreign(response.Header.Get("Content-Type")), want)
}

// serverWords are what a server says in an error's body: a string, or what is in one of
// the fields in which GitHub, GitLab, Bitbucket, Azure DevOps, Gitea and RFC 9457 put it.
func serverWords(response *http.Response) string {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if kind != "text/plain" && kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return ""
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxBody)) // a part of it is as good
	if kind == "text/plain" {
		return string(body)
	}
	return words(json.RawMessage(body), 4)
}

// words looks for a sentence in what an error's JSON may be: a string, a list of such
// values, or an object with one in a field whose name tells.
func words(value json.RawMessage, depth int) string {
	value = bytes.TrimSpace(value)
	if len(value) == 0 || depth == 0 {
		return ""
	}
	switch value[0] {
	case '"':
		var text string
		_ = json.Unmarshal(value, &text)
		return strings.TrimSpace(text)
	case '[':
		var list []json.RawMessage
		_ = json.Unmarshal(value, &list)
		for _, item := range list {
			if text := words(item, depth-1); text != "" {
				return text
			}
		}
	case '{':
		var object map[string]json.RawMessage
		_ = json.Unmarshal(value, &object)
		for _, name := range []string{"message", "error_description", "error", "detail", "title", "errors"} {
			if text := words(object[name], depth-1); text != "" {
				return text
			}
		}
	}
	return ""
}
