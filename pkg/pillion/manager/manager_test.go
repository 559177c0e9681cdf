// SPDX-License-Identifier: Apache-2.0

package manager_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/pillion-dev/pillion/pkg/pillion"
	"github.com/pillion-dev/pillion/pkg/pillion/manager"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	m.Run()
}

const annotated = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","annotations":{"date-writer.pillion.dev/mount-path":"/html"}},"spec":{"containers":[{"name":"web","image":"nginx"}]}}`

// mounted is a manager's mux with both ways in it.
func mounted(policies ...*pillion.Policy) http.Handler {
	server := webhook.NewServer(webhook.Options{})
	manager.Register(server, pillion.Options{}, policies...)
	server.Register("/handler", &webhook.Admission{Handler: manager.Handler(pillion.Options{}, policies[0])})
	return server.WebhookMux()
}

func post(h http.Handler, path, operation, pod string) *httptest.ResponseRecorder {
	body := fmt.Sprintf(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u1","operation":%q,`+
		`"kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},"namespace":"site","object":%s}}`, operation, pod)
	return send(h, path, strings.NewReader(body))
}

func send(h http.Handler, path string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, body)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func answer(t *testing.T, w *httptest.ResponseRecorder) *admissionv1.AdmissionResponse {
	t.Helper()
	var r admissionv1.AdmissionReview
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil || r.Response == nil || w.Code != http.StatusOK {
		t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
	}
	return r.Response
}

func TestBothWaysGiveOneAnswer(t *testing.T) {
	t.Parallel()
	h := mounted(pillion.Builtin())
	for name, pod := range map[string]string{
		"a pod that gets a helper":   annotated,
		"a pod that requests none":   strings.Replace(annotated, "date-writer.pillion.dev/mount-path", "example.com/a", 1),
		"a pod that is denied":       strings.Replace(annotated, "mount-path", "mount-pfad", 1),
		"a pod with HTML characters": strings.Replace(annotated, "/html", "/<html>&", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mount, handler := answer(t, post(h, "/inject/default", "CREATE", pod)), answer(t, post(h, "/handler", "CREATE", pod))
			if handler.Result != nil && handler.Allowed {
				handler.Result = nil // controller-runtime writes code 200
			}
			if diff := cmp.Diff(fromJSON(t, mount.Patch), fromJSON(t, handler.Patch)); diff != "" {
				t.Errorf("patch (-mount +handler):\n%s", diff)
			}
			mount.Patch, handler.Patch = nil, nil
			if diff := cmp.Diff(mount, handler); diff != "" {
				t.Errorf("answer (-mount +handler):\n%s", diff)
			}
		})
	}
}

func fromJSON(t *testing.T, text []byte) any {
	t.Helper()
	if text == nil {
		return nil
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// The documented price of Handler, and that Register does not have it.
func TestAFailureIsAStatusOfTheMountAndADenialOfTheHandler(t *testing.T) {
	t.Parallel()
	h := mounted(pillion.Builtin())
	if w := post(h, "/inject/default", "UPDATE", annotated); w.Code != http.StatusBadRequest {
		t.Errorf("the mount answers a wrong review with %d, want 400: %s", w.Code, w.Body)
	}
	if a := answer(t, post(h, "/handler", "UPDATE", annotated)); a.Allowed || a.Result.Code != http.StatusInternalServerError {
		t.Errorf("the handler answers a wrong review with %+v, want a denial of code 500", a)
	}
	if w := send(h, "/inject/default", strings.NewReader("{")); w.Code != http.StatusBadRequest {
		t.Errorf("the mount answers half a review with %d, want 400: %s", w.Code, w.Body)
	}
	if a := answer(t, send(h, "/handler", strings.NewReader("{"))); a.Allowed {
		t.Errorf("controller-runtime answers half a review with %+v; if that is no denial any more, the documentation of Handler has to say so", a)
	}
}

func TestAllPathsAreMounted(t *testing.T) {
	t.Parallel()
	policies, err := pillion.Parse(pillion.File{Name: "web", Data: []byte(
		`{apiVersion: pillion.dev/v1alpha1, kind: InjectionPolicy, metadata: {name: web}, spec: {helpers: {date-writer: {}}}}`)})
	if err != nil {
		t.Fatal(err)
	}
	h := mounted(append(policies, pillion.Builtin())...)
	for path, want := range map[string]int{
		"/inject/web":     http.StatusOK,
		"/inject/default": http.StatusOK,
		"/inject/other":   http.StatusServiceUnavailable, // of the policy
		"/warn/web":       http.StatusBadRequest,         // a pod is no workload
		"/namespace":      http.StatusBadRequest,         // and no namespace
		"/other":          http.StatusNotFound,
	} {
		if w := post(h, path, "CREATE", annotated); w.Code != want {
			t.Errorf("%s: status %d, want %d: %s", path, w.Code, want, w.Body)
		}
	}
}

// A composed handler sees the patch as operations, and adds its own.
func TestTheHandlerComposes(t *testing.T) {
	t.Parallel()
	var request admission.Request
	if err := json.Unmarshal([]byte(`{"uid":"u1","operation":"CREATE","resource":{"group":"","version":"v1","resource":"pods"},"object":`+annotated+`}`), &request.AdmissionRequest); err != nil {
		t.Fatal(err)
	}
	pillions := manager.Handler(pillion.Options{}, pillion.Builtin())
	alone := pillions.Handle(t.Context(), request)
	label := admission.HandlerFunc(func(context.Context, admission.Request) admission.Response {
		return admission.Patched("", admission.PatchResponseFromRaw([]byte(`{}`), []byte(`{"a":1}`)).Patches...)
	})
	both := admission.MultiMutatingHandler(pillions, label).Handle(t.Context(), request)
	if err := both.Complete(request); err != nil {
		t.Fatal(err)
	}
	var ops []any
	if err := json.Unmarshal(both.Patch, &ops); err != nil || len(alone.Patches) == 0 || len(ops) != len(alone.Patches)+1 {
		t.Errorf("%d operations composed, %d alone, %v; want one more", len(ops), len(alone.Patches), err)
	}
}
