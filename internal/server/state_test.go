// SPDX-License-Identifier: Apache-2.0

package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestRequestsAreInFlightUntilTheyAreAnswered(t *testing.T) {
	t.Parallel()
	const series = "pillion_requests_in_flight"
	m := NewMetrics("v0")
	during := make(chan float64, 2)
	g := &guard{
		next: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			during <- sample(t, m, series)
			if r.URL.Path == "/panic" {
				panic("so that a panic does not count forever")
			}
		}),
		maxBody: 1 << 10, bodies: &budget{most: 1 << 20}, draining: new(atomic.Bool), metrics: m, log: new(journal).logger(),
	}
	for _, path := range []string{"/", "/panic"} {
		g.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, io.NopCloser(strings.NewReader("x"))))
		if n := <-during; n != 1 {
			t.Errorf("%s: %v requests are in flight while it is answered, want 1", path, n)
		}
		if n := sample(t, m, series); n != 0 {
			t.Errorf("%s: %v requests are in flight after the answer, want 0", path, n)
		}
	}
}
