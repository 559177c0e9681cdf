// SPDX-License-Identifier: Apache-2.0

package pillion_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/pkg/pillion"
)

const annotated = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","annotations":{"date-writer.pillion.dev/mount-path":"/html"}},"spec":{"containers":[{"name":"web","image":"nginx"}]}}`

func TestTheHandlerAnswersOverEachVersionOfHTTP(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config func(*httptest.Server)
		want   int
	}{
		{"HTTP/1.1", func(*httptest.Server) {}, 1},
		{"HTTP/2", func(s *httptest.Server) { s.EnableHTTP2 = true }, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(pillion.HandlerWith(pillion.Options{MaxBody: 64 << 10}))
			server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
			tt.config(server)
			server.StartTLS()
			defer server.Close()
			for what, c := range map[string]struct {
				body string
				want int
			}{
				"a review":               {review(t, request(t, []byte(annotated))), http.StatusOK},
				"a body above the limit": {strings.Repeat("x", 64<<10+1), http.StatusRequestEntityTooLarge},
			} {
				resp, err := server.Client().Post(server.URL+"/inject/default", "application/json", strings.NewReader(c.body))
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if kept := c.want == http.StatusOK; tt.want == 1 && resp.Close == kept {
					t.Errorf("%s: the connection is closed: %v, want it kept for a review alone", what, resp.Close)
				}
				if err != nil || resp.StatusCode != c.want || resp.ProtoMajor != tt.want {
					t.Errorf("%s: HTTP/%d, status %d, %v, want HTTP/%d, %d: %s", what, resp.ProtoMajor, resp.StatusCode, err, tt.want, c.want, text)
				}
			}
		})
	}
}

func TestTheHandlerBoundsAllBodiesTogether(t *testing.T) {
	t.Parallel()
	// The smallest budget is twice the largest body, and large bodies get half of it.
	const most = 300 << 10
	h := pillion.HandlerWith(pillion.Options{MaxBody: most, MaxBodies: 1})
	body := review(t, request(t, []byte(strings.Replace(annotated, `"nginx"`, `"`+strings.Repeat("n", 290<<10)+`"`, 1))))
	last := &gate{last: body[len(body)-1:], asked: make(chan struct{}), open: make(chan struct{})}
	done := make(chan *httptest.ResponseRecorder)
	go func() {
		r := httptest.NewRequest(http.MethodPost, "/inject/default", io.MultiReader(strings.NewReader(body[:len(body)-1]), last))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		done <- w
	}()
	<-last.asked // all before it is held
	if w := post(t, h, "/inject/default", body); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("beside a large body another one is answered with %d, Retry-After %q; want 503 and a number", w.Code, w.Header().Get("Retry-After"))
	}
	if w := post(t, h, "/inject/default", review(t, request(t, []byte(annotated)))); w.Code != http.StatusOK {
		t.Errorf("beside a large body a small one is answered with %d, want 200", w.Code)
	}
	close(last.open)
	if w := <-done; w.Code != http.StatusOK {
		t.Errorf("the first is answered with %d, want 200: %s", w.Code, w.Body)
	}
	if w := post(t, h, "/inject/default", body); w.Code != http.StatusOK {
		t.Errorf("after the first a large body is answered with %d, want 200", w.Code)
	}
}

// gate is the end of a body, which it gives once it is open.
type gate struct {
	last        string
	asked, open chan struct{}
}

func (g *gate) Read(p []byte) (int, error) {
	if g.last == "" {
		return 0, io.EOF
	}
	close(g.asked)
	<-g.open
	n := copy(p, g.last)
	g.last = g.last[n:]
	return n, nil
}

func TestAFailureIsAStatusAndNoDenial(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	var log bytes.Buffer
	h := pillion.HandlerWith(pillion.Options{
		Log:     slog.New(slog.NewTextHandler(&log, nil)),
		Observe: func(string, string, string, time.Duration) { panic(secret) },
	})
	w := post(t, h, "/inject/default", review(t, request(t, []byte(annotated))))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), secret) {
		t.Errorf("a panic is answered with %d, %s; want 500 without the value", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "panic") || strings.Contains(log.String(), secret) {
		t.Errorf("want the panic without its value in the log:\n%s", &log)
	}
	if w := post(t, pillion.Handler(), "/inject/default", "{}"); w.Code != http.StatusBadRequest {
		t.Errorf("no review is answered with %d, want 400", w.Code)
	}
	if w := post(t, pillion.Handler(), "/inject/other", review(t, request(t, []byte(annotated)))); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a policy that is not loaded is answered with %d, want 503", w.Code)
	}
}

func TestReviewsAreLoggedAndObserved(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen [][]string
	var log bytes.Buffer
	observe := func(of string) func(policy, result, reason string, took time.Duration) {
		return func(policy, result, reason string, _ time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, []string{of, policy, result, reason})
		}
	}
	o := pillion.Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Observe: observe("pod"), ObserveWarn: observe("warn")}
	h := pillion.HandlerWith(o, pillion.Builtin())
	post(t, h, "/inject/default", review(t, request(t, []byte(annotated))))
	post(t, h, "/inject/unknown", review(t, request(t, []byte(annotated))))
	post(t, h, "/warn/default", "{}")
	reviewer := pillion.NewReviewer(o, pillion.Builtin())
	if _, _, err := reviewer.Review(t.Context(), request(t, []byte(annotated))); err != nil {
		t.Error(err)
	}
	updated := request(t, []byte(annotated))
	updated.Operation = "UPDATE"
	if response, _, err := reviewer.Review(t.Context(), updated); err == nil {
		t.Errorf("a review of another operation is answered %+v", response)
	}
	want := [][]string{
		{"pod", "default", "Injected", "Requested"},
		{"pod", "unknown", "Denied", "UnknownPolicy"},
		{"warn", "default", "Failed", "MalformedReview"},
		{"pod", "default", "Injected", "Requested"},
		{"pod", "default", "Failed", "MalformedReview"},
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
	if got := strings.Count(log.String(), "\n"); got != len(want) {
		t.Errorf("%d log lines, want %d:\n%s", got, len(want), &log)
	}
}

func TestTwoPoliciesOfOneNameAreAPanic(t *testing.T) {
	t.Parallel()
	defer func() {
		if got, want := recover(), `pillion: two policies have the name "default"`; got != want {
			t.Errorf("panic %v, want %q", got, want)
		}
	}()
	pillion.Handler(pillion.Builtin(), pillion.Builtin())
}
