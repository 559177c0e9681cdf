// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"os"
)

// route is how servers are reached: how long that may take, through which proxy, and
// whose word counts for them.
type route struct {
	timeouts
	proxy  *proxy         // nil: none
	roots  *x509.CertPool // nil: the system's
	ownCAs bool           // rather than the system's
}

func (f *fetcher) route() (*route, error) {
	roots, err := readAuthorities(f.CAFile, f.ExtraCAFile)
	if err != nil {
		return nil, err
	}
	via, err := newProxy(&f.Request)
	if err != nil {
		return nil, err
	}
	if via != nil {
		f.session.secrets = append(f.session.secrets, via.login.secrets()...)
	}
	return &route{timeouts: f.timeouts, proxy: via, roots: roots, ownCAs: f.CAFile != ""}, nil
}

// readAuthorities returns those of both files, or nil for the system's. Without a file
// of its own that a repository has, extra ones are beside the system's.
func readAuthorities(own, extra string) (*x509.CertPool, error) {
	if own == "" && extra == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if own == "" {
		var err error
		if pool, err = x509.SystemCertPool(); err != nil {
			return nil, failf(Local, "the system's certificate authorities cannot be read (%v)", err)
		}
	} else if err := addAuthorities(pool, own, "check the ConfigMap of ca-configmap"); err != nil {
		return nil, err
	}
	if extra == "" {
		return pool, nil
	}
	return pool, addAuthorities(pool, extra, "check the ConfigMap that the policy names for all pods")
}

func addAuthorities(pool *x509.CertPool, file, advice string) error {
	pem, err := os.ReadFile(file)
	if err != nil {
		return failf(Misconfigured, "the certificate authorities cannot be read (%v); %s", err, advice)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return failf(Misconfigured, "the file of certificate authorities, %s, holds no certificate; it must be PEM", foreign(file))
	}
	return nil
}

func (r *route) tls() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: r.roots,
		ClientSessionCache: tls.NewLRUClientSessionCache(2), // for servers, and a proxy, that close between polls
	}
}

// transport is for one server, or one and its proxy, to which a function connects.
func (r *route) transport(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Transport {
	return &http.Transport{
		Proxy:                  func(req *http.Request) (*url.URL, error) { return r.proxy.to(req.URL), nil }, // the environment is not asked
		OnProxyConnectResponse: r.proxy.connected,
		DialContext:            dial,
		TLSClientConfig:        r.tls(),
		TLSHandshakeTimeout:    r.connect,
		ResponseHeaderTimeout:  r.idle,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    1,
		DisableCompression:     true, // packs are compressed, and a second layer would defeat the budget
	}
}
