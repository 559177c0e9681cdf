// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/policy"
)

// twoPolicies serves "default" and "web".
func twoPolicies() *edge {
	web := *policy.Builtin()
	web.Name = "web"
	return newEdge(map[string]*inject.Policy{"web": &web, "default": policy.Builtin()})
}

func TestAPodIsDeniedWhereTheLabelNamesNoPolicy(t *testing.T) {
	t.Parallel()
	e := twoPolicies()
	response := e.review(t, inject.NoPolicy, []byte(annotatedPod))
	wantDenial(t, response, reason.UnknownPolicy, `metadata.namespace: Forbidden: the label pillion.dev/policy of namespace "site" names no policy; `+
		`the policies are default, web; see: kubectl get namespace site -L pillion.dev/policy`)
	if diff := cmp.Diff(map[string]string{"policy": "unknown", "result": "Denied", "reason": "UnknownPolicy"}, response.AuditAnnotations); diff != "" {
		t.Errorf("audit annotations (-want +got):\n%s", diff)
	}
	if want := (observation{"unknown", "Denied", "UnknownPolicy"}); !slices.Equal(e.observed, []observation{want}) {
		t.Errorf("observed %v, want %v", e.observed, want)
	}
	if log := e.log.String(); !strings.Contains(log, `"reason":"UnknownPolicy"`) || !strings.Contains(log, `"problems":["UnknownPolicy metadata.namespace"]`) {
		t.Errorf("the log is %s", log)
	}
}

func TestAPodThatAsksForNothingIsAdmittedUnderNoPolicy(t *testing.T) {
	t.Parallel()
	for name, annotations := range map[string]string{
		"an opt-out":                       `{"pillion.dev/inject":"false"}`,
		"a status of another pod's making": `{"pillion.dev/status":"{}"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response := twoPolicies().review(t, inject.NoPolicy, fmt.Appendf(nil, `{"metadata":{"annotations":%s},"spec":{"containers":[{"name":"web"}]}}`, annotations))
			if !response.Allowed || response.AuditAnnotations["reason"] != string(reason.NothingRequested) {
				t.Errorf("allowed %v: %v", response.Allowed, response.AuditAnnotations)
			}
		})
	}
}

func TestAWorkloadIsWarnedWhereTheLabelNamesNoPolicy(t *testing.T) {
	t.Parallel()
	e := twoPolicies()
	response := answer(t, e.post("/warn/unknown", reviewOfA("Deployment", deploymentOf("", gitAsked, noneAsked), "")))
	want := []string{
		`pillion: the pods of this Deployment will be denied: the label pillion.dev/policy of namespace "site" names no policy;`,
		`pillion:   the policies are default, web; see: kubectl get namespace site -L pillion.dev/policy`,
	}
	if diff := cmp.Diff(want, response.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if want := (observation{"unknown", "Denied", "UnknownPolicy"}); !slices.Equal(e.observed, []observation{want}) {
		t.Errorf("observed %v, want %v", e.observed, want)
	}
}

// The configuration may be ahead of a replica. The API server asks another one when the
// answer is a 503 with a Retry-After, on another connection if this one is closed.
func TestAPolicyThatIsNotLoadedSendsTheAPIServerElsewhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, review, want string }{
		{
			"/inject/wbe", string(reviewOf(annotatedPod)),
			`pillion: this replica has not loaded the policy "wbe", only default, web; did you mean "web"?; if the policy is new, wait for the webhook's rollout, ` +
				`otherwise give it a file in --policy-dir or remove its entry from the webhook configuration`,
		},
		{
			"/warn/payments", string(reviewOfA("Deployment", deploymentOf("", gitAsked, noneAsked), "")),
			`pillion: this replica has not loaded the policy "payments", only default, web; if the policy is new, wait for the webhook's rollout, ` +
				`otherwise give it a file in --policy-dir or remove its entry from the webhook configuration`,
		},
	} {
		t.Run(c.path, func(t *testing.T) {
			t.Parallel()
			e := twoPolicies()
			w := e.post(c.path, []byte(c.review))
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "0" || w.Header().Get("Connection") != "close" {
				t.Errorf("status %d with %v", w.Code, w.Header())
			}
			var got metav1.Status
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			want := metav1.Status{
				TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Failure", Code: 503, Reason: "ServiceUnavailable", Message: c.want,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the answer (-want +got):\n%s", diff)
			}
			if want := (observation{"unknown", "Failed", "PolicyNotLoaded"}); !slices.Equal(e.observed, []observation{want}) {
				t.Errorf("observed %v, want %v: a label of the caller's choice is not of a closed set", e.observed, want)
			}
		})
	}
}

func TestALongNameOfAPolicyIsCut(t *testing.T) {
	t.Parallel()
	w := twoPolicies().post("/inject/"+strings.Repeat("x", 5000), reviewOf(annotatedPod))
	if w.Code != http.StatusServiceUnavailable || w.Body.Len() > 600 {
		t.Errorf("status %d with %d bytes", w.Code, w.Body.Len())
	}
}

func namespaceReview(object, old string) string {
	operation := "UPDATE"
	if old == "null" {
		operation = "CREATE"
	}
	return fmt.Sprintf(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":%q,"kind":{"group":"","version":"v1","kind":"Namespace"},`+
		`"resource":{"group":"","version":"v1","resource":"namespaces"},"name":"site","operation":%q,"object":%s,"oldObject":%s}}`, testUID, operation, object, old)
}

func TestNamespaces(t *testing.T) {
	t.Parallel()
	labelled := func(policy string) string { return `{"metadata":{"labels":{"pillion.dev/policy":"` + policy + `"}}}` }
	for _, c := range []struct {
		name, object, old string
		observed          observation
		want              []string
	}{
		{
			"a label that names no policy", labelled("wbe"), "null",
			observation{"unknown", "Denied", "UnknownPolicy"},
			[]string{
				`pillion: there is no policy "wbe", so pods of this namespace that ask for a helper will be denied; the policies are`,
				`pillion:   default, web; did you mean "web"?`,
			},
		},
		{
			"a label that is changed to one", labelled("payments"), labelled("web"),
			observation{"unknown", "Denied", "UnknownPolicy"},
			[]string{
				`pillion: there is no policy "payments", so pods of this namespace that ask for a helper will be denied; the policies are`,
				`pillion:   default, web`,
			},
		},
		{"one that has been so before", labelled("wbe"), labelled("wbe"), observation{"unknown", "Skipped", "NothingChanged"}, nil},
		{"a policy that is loaded", labelled("web"), "null", observation{"web", "Skipped", "NothingRequested"}, nil},
		{"no label", `{"metadata":{"name":"site"}}`, "null", observation{"unknown", "Skipped", "NothingRequested"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := twoPolicies()
			w := e.post("/namespace", []byte(namespaceReview(c.object, c.old)))
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			response := answer(t, w)
			if diff := cmp.Diff(c.want, response.Warnings); diff != "" || !response.Allowed {
				t.Errorf("allowed %v; warnings (-want +got):\n%s", response.Allowed, diff)
			}
			if !slices.Equal(e.observed, []observation{c.observed}) {
				t.Errorf("observed %v, want %v", e.observed, c.observed)
			}
			if !strings.Contains(e.log.String(), `"namespace":"site"`) {
				t.Errorf("the log is %s", e.log.String())
			}
		})
	}
}
