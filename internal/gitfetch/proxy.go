// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// proxy is an HTTP proxy. A nil one is none.
type proxy struct {
	url   *url.URL // without the credentials
	login *basicAuth
	ssh   bool
	rule  func(*url.URL) (*url.URL, error)
}

func newProxy(r *Request) (*proxy, error) {
	if r.Proxy == "" {
		return nil, nil
	}
	u, err := url.Parse(r.Proxy)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, failf(Misconfigured, "the proxy must be a URL such as http://proxy.acme.example:3128, or https:// if it speaks TLS")
	case u.User != nil:
		return nil, failf(Misconfigured, "the proxy's URL must not contain credentials; they belong in a Secret")
	}
	p := &proxy{url: u, ssh: r.ProxySSH}
	p.rule = (&httpproxy.Config{HTTPProxy: r.Proxy, HTTPSProxy: r.Proxy, NoProxy: r.NoProxy}).ProxyFunc()
	if r.ProxyAuthDir == "" {
		return p, nil
	}
	if p.login, err = readBasicAuth(r.ProxyAuthDir); err != nil {
		f := *asFailure(err)
		f.format = strings.Replace(f.format, "the Secret", "the proxy's Secret", 1)
		return nil, &f
	}
	return p, nil
}

// to is the proxy on the way to a URL, with its credentials, or nil for the direct way.
func (p *proxy) to(target *url.URL) *url.URL {
	if p == nil || target.Scheme == "ssh" && !p.ssh {
		return nil
	}
	if target.Scheme == "ssh" { // which the rules do not know
		target = &url.URL{Scheme: "https", Host: addressOf(target)}
	}
	if via, err := p.rule(target); err != nil || via == nil {
		return nil
	}
	via := *p.url
	if p.login != nil {
		via.User = url.UserPassword(p.login.username, p.login.password)
	}
	return &via
}

// connected judges a proxy's answer to CONNECT.
func (p *proxy) connected(_ context.Context, _ *url.URL, request *http.Request, response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	return p.refusal(response, request.Host)
}

// refusal is why a proxy does not lead to a host.
func (p *proxy) refusal(response *http.Response, host string) *failure {
	at := p.url.Host
	switch code := response.StatusCode; {
	case code == http.StatusProxyAuthRequired && !offersBasic(response.Header.Values("Proxy-Authenticate")):
		return failf(Unauthorized, "the proxy %s asks for credentials of a kind (%s) that is not spoken here (407); it has to allow Basic, or to let %s through without",
			at, foreign(strings.Join(response.Header.Values("Proxy-Authenticate"), ", ")), host)
	case code == http.StatusProxyAuthRequired && p.login == nil:
		return failf(Unauthorized, "the proxy %s asks for a username and password (407), and the policy names no Secret with them; name one, or list the host in noProxy", at)
	case code == http.StatusProxyAuthRequired:
		return failf(Unauthorized, "the proxy %s does not take the username and password of its Secret (407); renew them", at)
	case code == http.StatusForbidden || code == http.StatusMethodNotAllowed:
		return failf(Unauthorized, "the proxy %s does not lead to %s (%d %s); allow it there, or list the host in noProxy", at, host, code, http.StatusText(code))
	case code == http.StatusTooManyRequests || code >= 500:
		return failf(Unreachable, "the proxy %s cannot reach %s, or is busy (%d %s)", at, host, code, http.StatusText(code)).later(response)
	default:
		return failf(BadServer, "the proxy %s answers %d %s when asked for %s; check its URL", at, code, http.StatusText(code), host)
	}
}

// offersBasic reports whether Basic is among the challenges. Without any a proxy is taken
// at its number.
func offersBasic(challenges []string) bool {
	for _, challenge := range challenges {
		for part := range strings.SplitSeq(challenge, ",") {
			if scheme, _, _ := strings.Cut(strings.TrimSpace(part), " "); strings.EqualFold(scheme, "Basic") {
				return true
			}
		}
	}
	return len(challenges) == 0
}

// unreachable is the error of a proxy to which there is no connection, or nil if err is
// of another kind.
func (p *proxy) unreachable(err error) *failure {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "proxyconnect" {
		return nil
	}
	if invalid, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return failf(UntrustedHost, "the certificate of the proxy %s is not trusted (%v); its authority belongs in the policy's extra ones", p.url.Host, invalid.Err)
	}
	return failf(Unreachable, "the proxy %s cannot be reached (%v)", p.url.Host, op.Err)
}
