// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net/http"
	"time"
)

// What one connection may cost us. The API server sends a review in one burst
// and waits at most 30 s for the answer.
const (
	firstTimeout  = 5 * time.Second // of the TLS handshake, and then until a request begins
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	// idleTimeout must exceed the 90 s after which kube-apiserver drops a
	// connection from its pool. A server that is the first to close can do so
	// just as the next review is sent, and kube-apiserver does not send it
	// again: the pod is rejected.
	idleTimeout    = 150 * time.Second
	maxHeaderBytes = 16 << 10 // the API server's headers are some 300 bytes
)

// The health port is for kubelets, which open a connection for each probe, and for a few
// Prometheus servers.
const (
	healthConnections = 32
	healthPerSource   = 8
	healthHeaderBytes = 1 // net/http takes 4 KiB more
)

func http1Only() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	return &p
}
