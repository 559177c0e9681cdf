// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
	"github.com/pillion-dev/pillion/internal/policy"
)

func TestContentType(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]int{
		"application/json":                  http.StatusOK,
		"application/json; charset=utf-8":   http.StatusOK,
		"Application/JSON":                  http.StatusOK,
		"":                                  http.StatusUnsupportedMediaType,
		"text/plain":                        http.StatusUnsupportedMediaType,
		"application/yaml":                  http.StatusUnsupportedMediaType,
		"application/json-patch+json":       http.StatusUnsupportedMediaType,
		"application/x-www-form-urlencoded": http.StatusUnsupportedMediaType,
		"application/vnd.kubernetes.protobuf; application/json": http.StatusUnsupportedMediaType,
	} {
		t.Run("the Content-Type "+contentType, func(t *testing.T) {
			t.Parallel()
			e := builtinEdge()
			if w := e.send(http.MethodPost, "/inject/default", contentType, bytes.NewReader(reviewOf(annotatedPod))); w.Code != want {
				t.Errorf("status %d, want %d: %s", w.Code, want, w.Body)
			}
			if want != http.StatusOK && e.observed[0] != (observation{"default", "Failed", "MalformedReview"}) {
				t.Errorf("observed %v", e.observed)
			}
		})
	}
}

func TestOnlyPostsToInjectAreServed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/inject/default", http.StatusMethodNotAllowed},
		{http.MethodHead, "/inject/default", http.StatusMethodNotAllowed},
		{http.MethodPut, "/inject/default", http.StatusMethodNotAllowed},
		{http.MethodDelete, "/inject/default", http.StatusMethodNotAllowed},
		{http.MethodPost, "/", http.StatusNotFound},
		{http.MethodPost, "/inject", http.StatusNotFound},
		{http.MethodPost, "/inject/", http.StatusNotFound},
		{http.MethodPost, "/inject/default/", http.StatusNotFound},
		{http.MethodPost, "/inject/default/more", http.StatusNotFound},
		{http.MethodPost, "/metrics", http.StatusNotFound},
		{http.MethodGet, "/debug/pprof/", http.StatusNotFound},
	} {
		t.Run(c.method+" "+c.path+" is rejected", func(t *testing.T) {
			t.Parallel()
			e := builtinEdge()
			w := e.send(c.method, c.path, "application/json", bytes.NewReader(reviewOf(annotatedPod)))
			if w.Code != c.status || len(e.observed) > 0 {
				t.Errorf("status %d, want %d; observed %v", w.Code, c.status, e.observed)
			}
		})
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	review := reviewOf(annotatedPod)
	for name, c := range map[string]struct {
		body   io.Reader
		limit  int64
		status int
	}{
		"a body at the limit is read":                       {bytes.NewReader(review), int64(len(review)), http.StatusOK},
		"a body one byte above the limit is a 413":          {bytes.NewReader(review), int64(len(review)) - 1, http.StatusRequestEntityTooLarge},
		"a chunked body is read":                            {unsized{bytes.NewReader(review)}, 1 << 20, http.StatusOK},
		"a chunked body above the limit is a 413":           {unsized{bytes.NewReader(review)}, int64(len(review)) - 1, http.StatusRequestEntityTooLarge},
		"a body that comes byte by byte is read":            {unsized{iotest.OneByteReader(bytes.NewReader(review))}, 1 << 20, http.StatusOK},
		"a body whose last bytes come with its end is read": {unsized{iotest.DataErrReader(bytes.NewReader(review))}, 1 << 20, http.StatusOK},
		"a body far above a first buffer is read":           {unsized{bytes.NewReader(reviewOf(withPadding(3 << 20)))}, 4 << 20, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := builtinEdge()
			e.Handler = http.MaxBytesHandler(e.Handler, c.limit)
			w := e.send(http.MethodPost, "/inject/default", "application/json", c.body)
			if w.Code != c.status {
				t.Fatalf("status %d, want %d: %s", w.Code, c.status, w.Body)
			}
			if w.Code == http.StatusOK && !answer(t, w).Allowed {
				t.Errorf("denied: %s", w.Body)
			}
		})
	}
}

// It says nothing about the review, which may do better when it is sent again.
func TestABodyThatIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]io.Reader{
		"breaks off":    io.MultiReader(bytes.NewReader(reviewOf(annotatedPod)[:100]), iotest.ErrReader(errors.New("why"))),
		"fails at once": iotest.ErrReader(errors.New("why")),
	} {
		t.Run("a body that "+name+" is a 503", func(t *testing.T) {
			t.Parallel()
			e := builtinEdge()
			w := e.send(http.MethodPost, "/inject/default", "application/json", unsized{body})
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "0" || !strings.Contains(w.Body.String(), `"message":"pillion: reading the body: why"`) {
				t.Errorf("status %d with %v: %s", w.Code, w.Header(), w.Body)
			}
			if want := (observation{"default", "Failed", "ReviewNotRead"}); !slices.Equal(e.observed, []observation{want}) {
				t.Errorf("observed %v, want %v", e.observed, want)
			}
			if log := e.log.String(); !strings.Contains(log, `"level":"WARN"`) {
				t.Errorf("anybody who reaches the port can cause this; the log says %s", log)
			}
		})
	}
}

func TestChunkedBodyOverARealConnection(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(builtinEdge())
	t.Cleanup(server.Close)
	resp, err := server.Client().Post(server.URL+"/inject/default", "application/json", io.MultiReader(bytes.NewReader(reviewOf(annotatedPod))))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %s", resp.Status)
	}
}

// unsized hides a body's length.
type unsized struct{ io.Reader }

// withPadding is a pod of a size, in a field that nobody reads.
func withPadding(size int) string {
	return strings.Replace(annotatedPod, `"metadata":{`, `"metadata":{"managedFields":"`+strings.Repeat("x", size)+`",`, 1)
}

// panicking is a policy that package policy would never make: its value of repo was
// not parsed, so the helper finds no scheme in it.
func panicking() *inject.Policy {
	return &inject.Policy{Name: "panicking", Known: helpers.Builtin(), Helpers: map[string]*rule.Helper{
		"git-poller": {Rules: map[string]*rule.Rule{"repo": {Fixed: &option.Value{Text: "https://git.example/site"}}}},
	}}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	e := newEdge(map[string]*inject.Policy{"panicking": panicking(), "default": policy.Builtin()})
	const pod = `{"metadata":{"annotations":{"git-poller.pillion.dev/mount-path":"/html","git-poller.pillion.dev/secret":"canary-name"}},"spec":{"containers":[{"name":"web","env":[{"name":"A","value":"canary-value"}]}]}}`

	w := e.post("/inject/panicking", reviewOf(pod))
	if w.Code != http.StatusInternalServerError || w.Body.String() != "pillion: internal error\n" {
		t.Errorf("a panic is answered with %d %q", w.Code, w.Body)
	}
	if want := (observation{"panicking", "Failed", "InternalError"}); len(e.observed) != 1 || e.observed[0] != want {
		t.Errorf("observed %v, want %v", e.observed, want)
	}
	if log := e.log.String(); !strings.Contains(log, `"msg":"panic"`) || !strings.Contains(log, "gitpoller/objects.go") || strings.Contains(log, "canary") {
		t.Errorf("the log has no panic with its place, or part of the pod: %s", log)
	}
	for range 2 {
		if !e.review(t, "default", []byte(annotatedPod)).Allowed {
			t.Error("the next request is rejected")
		}
	}
}

func TestOwnFailuresAreA500(t *testing.T) {
	t.Parallel()
	for name, pod := range map[string]string{
		"a pod without a spec, to which nothing can be added": `{"metadata":{"annotations":{"date-writer.pillion.dev/mount-path":"/html"}}}`,
		"a pod whose spec is null":                            `{"metadata":{"annotations":{"date-writer.pillion.dev/mount-path":"/html"}},"spec":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := builtinEdge()
			w := e.post("/inject/default", reviewOf(pod))
			if w.Code != http.StatusInternalServerError {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
			if e.observed[0] != (observation{"default", "Failed", "InternalError"}) {
				t.Errorf("observed %v", e.observed)
			}
		})
	}
}

// A second review that finds more to do, or something to deny, is an internal failure:
// the patch must not be sent.
func TestAPatchThatIsNotFitIsNotSent(t *testing.T) {
	t.Parallel()
	p := policy.Builtin()
	// JSON cannot say this name, so it comes back as another.
	p.Helpers["date-writer"].PullSecrets = []corev1.LocalObjectReference{{Name: "\xff"}}
	out, err := Inject(testInjector, p, []byte(annotatedPod), Template{})
	if err == nil || !strings.HasPrefix(err.Error(), "the patched pod is not what was decided: a second review says Injected (Requested)") {
		t.Errorf("got %v, %s", err, out.Patch)
	}
}

func TestHandlerWithoutLogAndObserve(t *testing.T) {
	t.Parallel()
	h := NewHandler(Options{Policies: map[string]*inject.Policy{"default": policy.Builtin()}})
	r := httptest.NewRequest(http.MethodPost, "/inject/default", bytes.NewReader(reviewOf(annotatedPod)))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK || !answer(t, w).Allowed {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestFailureNamesItsReason(t *testing.T) {
	t.Parallel()
	err := malformed(http.StatusBadRequest, errors.New("why"))
	if err.Error() != "why" || err.reason != reason.MalformedReview || err.status != http.StatusBadRequest {
		t.Errorf("got %v", err)
	}
	if path := (Template{}).Path(); path != (*field.Path)(nil) {
		t.Errorf("a pod is at %v", path)
	}
}
