// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"io"
	"net/http"
	"net/url"
	"sync"
)

const (
	infoRefs     = "/info/refs"
	maxRedirects = 5
)

// httpRemote speaks git's smart protocol over https or http (gitprotocol-http(5)).
type httpRemote struct {
	client    *http.Client
	route     *route
	base      *url.URL // of the repository; after the greeting, where redirects have led
	login     *basicAuth
	redirects repoPatterns
	secretFor repoPatterns  // where the credentials may go; without one, wherever redirects may lead
	barred    string        // the path of another repository, which gets no credentials
	answer    io.ReadCloser // open, if not nil

	mu   sync.Mutex
	conn *idleConn // the last that was dialed
}
