// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
)

const testUID = "705ab4f5-6393-11e8-b7cc-42010a800002"

// annotatedPod asks for a date-writer.
const annotatedPod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","annotations":{"date-writer.pillion.dev/mount-path":"/html"}},"spec":{"containers":[{"name":"web","image":"nginx"}]}}`

// reviewOf is the review that the API server sends about the creation of a pod.
func reviewOf[T string | []byte](pod T) []byte {
	return fmt.Appendf(nil, `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":%q,`+
		`"kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},`+
		`"requestKind":{"group":"","version":"v1","kind":"Pod"},"requestResource":{"group":"","version":"v1","resource":"pods"},`+
		`"name":"web","namespace":"site","operation":"CREATE","userInfo":{"username":"alice","groups":["system:authenticated"]},`+
		`"object":%s,"oldObject":null,"dryRun":false,"options":{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1"}}}`, testUID, pod)
}

// observation is one call of Observe.
type observation struct{ policy, result, reason string }

// edge is a handler with what it logged and observed.
type edge struct {
	http.Handler
	mu       sync.Mutex
	log      bytes.Buffer
	observed []observation
}

func newEdge(policies map[string]*inject.Policy) *edge {
	e := &edge{}
	observe := func(policy, result, reason string, took time.Duration) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.observed = append(e.observed, observation{policy, result, reason})
		if took < 0 || took > time.Minute {
			panic(took)
		}
	}
	e.Handler = NewHandler(Options{
		Policies:    policies,
		Version:     testInjector.Version,
		Log:         slog.New(slog.NewJSONHandler(e, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Observe:     observe,
		ObserveWarn: observe,
	})
	return e
}

// builtinEdge serves the built-in policy alone.
func builtinEdge() *edge {
	p := policy.Builtin()
	return newEdge(map[string]*inject.Policy{p.Name: p})
}

// Write takes log lines.
func (e *edge) Write(line []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.log.Write(line)
}

// post sends a body as the API server does.
func (e *edge) post(path string, body []byte) *httptest.ResponseRecorder {
	return e.send(http.MethodPost, path, "application/json", bytes.NewReader(body))
}

func (e *edge) send(method, path, contentType string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, body)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

// review posts a pod and reads the answer, whose form has to be right.
func (e *edge) review(t testing.TB, policy string, pod []byte) *admissionv1.AdmissionResponse {
	t.Helper()
	w := e.post("/inject/"+policy, reviewOf(pod))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return answer(t, w)
}

// answer reads a review that was answered, with what must hold for all of them.
func answer(t testing.TB, w *httptest.ResponseRecorder) *admissionv1.AdmissionResponse {
	t.Helper()
	var review admissionv1.AdmissionReview
	decoder := json.NewDecoder(w.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&review); err != nil {
		t.Fatalf("the answer is no review: %v", err)
	}
	switch response := review.Response; {
	case review.APIVersion != "admission.k8s.io/v1" || review.Kind != "AdmissionReview":
		t.Errorf("the answer is a %s %s", review.APIVersion, review.Kind)
	case review.Request != nil:
		t.Error("the answer repeats the request")
	case response == nil:
		t.Fatal("the answer has no response")
	case response.UID != testUID:
		t.Errorf("the answer has the uid %q, want %q", response.UID, testUID)
	case (response.Patch == nil) != (response.PatchType == nil):
		t.Errorf("patch %q and patchType %v: only one of the two is there", response.Patch, response.PatchType)
	case response.PatchType != nil && *response.PatchType != admissionv1.PatchTypeJSONPatch:
		t.Errorf("patchType %q", *response.PatchType)
	case response.Patch != nil && !response.Allowed:
		t.Error("a denial has a patch")
	case response.Allowed != (response.Result == nil):
		t.Errorf("allowed %v with the result %v", response.Allowed, response.Result)
	}
	if contentType := w.Header().Get("Content-Type"); contentType != "application/json" {
		t.Errorf("Content-Type %q", contentType)
	}
	return review.Response
}
