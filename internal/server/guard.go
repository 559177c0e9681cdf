// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// guard stands between the connection and the handler and gives every request
// the same five promises: the body is no larger than the cap, all bodies together are
// no larger than the budget, a panic becomes a 500, while draining the answer closes its
// connection, and so does every answer but that to a good review, a 200.
type guard struct {
	next     http.Handler
	maxBody  int64 // bytes
	bodies   *budget
	draining *atomic.Bool // nil on a port that is not ours, see Bound
	metrics  *Metrics
	log      *slog.Logger
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := &reply{ResponseWriter: w, draining: g.draining}
	out.conn, _ = r.Context().Value(connKey{}).(*conn)
	switch {
	case r.ProtoMajor != 1 && g.draining != nil:
		// net/http hands the HTTP/2 preface ("PRI * HTTP/2.0") to handlers, for
		// those that implement HTTP/2 themselves.
		out.reject(http.StatusHTTPVersionNotSupported, "only HTTP/1.1 is served here")
	case r.ContentLength > g.maxBody:
		out.reject(http.StatusRequestEntityTooLarge,
			fmt.Sprintf("the request body is %d bytes, the maximum is %d", r.ContentLength, g.maxBody))
	default:
		g.pass(out, r)
	}
}

func (g *guard) pass(out *reply, r *http.Request) {
	g.metrics.inFlight.Inc()
	defer g.metrics.inFlight.Dec()
	defer func() {
		if v := recover(); v != nil {
			g.recovered(out, v)
		}
	}()
	// The reader gets net/http's own writer, the one it can tell to close the
	// connection when the cap is hit.
	body := &budgeted{ReadCloser: http.MaxBytesReader(out.ResponseWriter, r.Body, g.maxBody), budget: g.bodies}
	defer body.release()
	r.Trailer = nil // net/http has made a map of what was announced, many times as large
	if out.conn != nil {
		defer out.conn.reading.next()
	}
	r.Body, out.body, out.shed = body, body, g.metrics.shed
	g.next.ServeHTTP(out, r)
	if !out.wrote {
		out.WriteHeader(http.StatusOK)
	}
}

// recovered turns a panic into what the API server reads as a failed call, so
// that failurePolicy decides, as it does when the pod is gone.
func (g *guard) recovered(out *reply, v any) {
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	// The value of a panic may quote the pod; a runtime error never does.
	reason := fmt.Sprintf("%T", v)
	if err, ok := v.(runtime.Error); ok {
		reason = err.Error()
	}
	g.metrics.panics.Inc()
	g.log.Error("handler panicked", "panic", reason, "stack", string(debug.Stack()))
	if out.wrote {
		// Half an answer must not look like a whole one.
		panic(http.ErrAbortHandler)
	}
	out.reject(http.StatusInternalServerError, "internal error: the request could not be handled")
}

// reply decides at the last moment, when the status is written, whether the
// answer closes its connection: a request may have come before the drain began, and
// only a good review makes a connection worth keeping; see room.
//
// It also decides what a handler's answer to a body cut by the budget is. kube-apiserver
// sends a review again that meets a 503 with Retry-After, and, because the connection is
// given up, possibly to another replica. A second: what fills the budget lasts longer
// than the milliseconds in which all its attempts would otherwise be used up.
type reply struct {
	http.ResponseWriter
	draining *atomic.Bool
	conn     *conn
	body     *budgeted // nil before the handler is called
	shed     prometheus.Counter
	wrote    bool // the final status is out
}

func (r *reply) WriteHeader(status int) {
	if status >= http.StatusOK && !r.wrote {
		r.wrote = true
		if r.body != nil && r.body.full {
			status = http.StatusServiceUnavailable
			r.Header().Set("Retry-After", "1")
			r.shed.Inc()
		}
		if status != http.StatusOK || r.draining != nil && (r.conn == nil || !r.conn.reviewed() || r.draining.Load()) {
			r.Header().Set("Connection", "close")
		}
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *reply) Write(b []byte) (int, error) {
	// A client that does not read its answer makes us hold it.
	if r.body != nil && !r.body.full && !r.body.hold(len(b), false) {
		r.body.full = true
		if r.wrote {
			return 0, errNoRoom
		}
		r.reject(http.StatusServiceUnavailable, errNoRoom.Error())
		return len(b), nil
	}
	if !r.wrote {
		r.WriteHeader(http.StatusOK)
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (r *reply) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// reject answers with one line. Like each answer but a 200 it gives up the connection:
// what is left of the request is not worth reading.
func (r *reply) reject(status int, why string) { http.Error(r, why, status) }
