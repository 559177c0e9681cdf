// SPDX-License-Identifier: Apache-2.0

package server

import (
	"log/slog"
	"net/http"
)

// Bound gives a handler on somebody else's port what [Server] gives it on ours: the body
// of a request is at most maxBody bytes long, all bodies that are held at one time are
// together at most bodies long (at least twice maxBody, see budget), and a panic becomes a
// 500, which log gets.
//
// The port may speak HTTP/2. Timeouts, connections and draining are its server's.
func Bound(next http.Handler, maxBody, bodies int64, log *slog.Logger) http.Handler {
	return &guard{next: next, maxBody: maxBody, bodies: &budget{most: bodies}, metrics: NewMetrics(""), log: log}
}
