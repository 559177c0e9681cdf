// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/policy"
)

// audited requires a date-writer in every pod.
func audited(t testing.TB) *inject.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(`{"apiVersion":"pillion.dev/v1alpha1","kind":"InjectionPolicy","metadata":{"name":"audited"},` +
		`"spec":{"helpers":{"date-writer":{}},"require":[{"helper":"date-writer","options":{"mount-path":"/audit"}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A pod that is marked as a mirror is one only if the kubelet of its node creates it.
func TestAMirrorIsWhatItsKubeletCreates(t *testing.T) {
	t.Parallel()
	const marked = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","annotations":{"kubernetes.io/config.mirror":"0123"}},` +
		`"spec":{"nodeName":"node-1","containers":[{"name":"web","image":"nginx"}]}}`
	const plain = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},"spec":{"nodeName":"node-1","containers":[{"name":"web","image":"nginx"}]}}`
	const kubelet = `{"username":"system:node:node-1","groups":["system:nodes","system:authenticated"]}`
	for _, tt := range []struct {
		name, pod, user string
		want            reason.Reason
	}{
		{"its kubelet", marked, kubelet, reason.MirrorPod},
		{"its kubelet, with more said of it", marked, `{"username":"system:node:node-1","uid":"7","groups":["a","system:nodes"],"extra":{"a":["b"]}}`, reason.MirrorPod},
		{"a person", marked, `{"username":"alice","groups":["system:authenticated"]}`, reason.Required},
		{"a person in the group of nodes", marked, `{"username":"alice","groups":["system:nodes"]}`, reason.Required},
		{"a person with the name of a node", marked, `{"username":"system:node:node-1","groups":["system:authenticated"]}`, reason.Required},
		{"a person with a name that a node's name ends", marked, `{"username":"alice:system:node:node-1","groups":["system:nodes"]}`, reason.Required},
		{"the kubelet of another node", marked, `{"username":"system:node:node-2","groups":["system:nodes"]}`, reason.Required},
		{"a node without a name", strings.Replace(marked, `"node-1"`, `""`, 1), `{"username":"system:node:","groups":["system:nodes"]}`, reason.Required},
		{"nobody", marked, `{}`, reason.Required},
		{"null", marked, `null`, reason.Required},
		{"something else than a user", marked, `{"username":5,"groups":"system:nodes"}`, reason.Required},
		{"a list", marked, `["system:node:node-1"]`, reason.Required},
		{"a kubelet and no mark", plain, kubelet, reason.Required},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(map[string]*inject.Policy{"audited": audited(t)})
			body := strings.Replace(string(reviewOf(tt.pod)), `{"username":"alice","groups":["system:authenticated"]}`, tt.user, 1)
			w := e.post("/inject/audited", []byte(body))
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			if got := answer(t, w).AuditAnnotations["reason"]; got != string(tt.want) {
				t.Errorf("the reason is %s, want %s", got, tt.want)
			}
			if strings.Contains(e.log.String(), "alice") {
				t.Errorf("the log names the user: %s", e.log.String())
			}
		})
	}
}

// The author of a workload is told in one line what the policy adds.
func TestAWorkloadThatAsksForNothingIsToldWhatItGets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, annotations, want string }{
		{"nothing is asked for", `{}`, "pillion: policy audited: each pod gets pillion-date-writer (for web), which it requires"},
		{
			"an opt-out", `{"pillion.dev/inject":"false"}`,
			"pillion: policy audited will deny the pods of this Deployment:\n" +
				"pillion: pillion.dev/inject: \"false\": policy \"audited\" requires date-writer (require[0]), of which no pod can opt out;\n" +
				"pillion:   remove the annotation",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(map[string]*inject.Policy{"audited": audited(t)})
			workload := fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"template":{"metadata":{"annotations":%s},"spec":{"containers":[{"name":"web"}]}}}}`, tt.annotations)
			body := strings.NewReplacer(
				`"kind":{"group":"","version":"v1","kind":"Pod"}`, `"kind":{"group":"apps","version":"v1","kind":"Deployment"}`,
				`"resource":{"group":"","version":"v1","resource":"pods"}`, `"resource":{"group":"apps","version":"v1","resource":"deployments"}`,
			).Replace(string(reviewOf(workload)))
			w := e.post("/warn/audited", []byte(body))
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			if got := strings.Join(answer(t, w).Warnings, "\n"); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// A template may be nothing but a spec: there is nothing to put annotations into.
func TestATemplateWithoutMetadataGetsSome(t *testing.T) {
	t.Parallel()
	at, _ := TemplateOf("Deployment")
	for _, metadata := range []string{"", `"metadata":null,`, `"metadata":{},`, `"metadata":{"annotations":null},`, `"metadata":{"annotations":{}},`} {
		document := []byte(`{"kind":"Deployment","spec":{"template":{` + metadata + `"spec":{"containers":[{"name":"web"}]}}}}`)
		out, err := Inject(testInjector, audited(t), document, at)
		if err != nil || out.Result != reason.Injected {
			t.Errorf("%s: %s %v", metadata, out.Result, err)
			continue
		}
		if patched, err := Apply(document, out.Patch); err != nil || !strings.Contains(string(patched), `"metadata":{"annotations":{`) {
			t.Errorf("%s: %v %s", metadata, err, patched)
		}
	}
}
