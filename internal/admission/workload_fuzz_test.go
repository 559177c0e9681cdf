// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	admissionv1 "k8s.io/api/admission/v1"
	kjson "sigs.k8s.io/json"

	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/policy"
)

// fits wants warnings that kubectl shows whole: few, short, and nothing in them that a
// terminal would obey.
func fits(t *testing.T, warnings []string) {
	t.Helper()
	if len(warnings) > 5 || len(strings.Join(warnings, "")) > 4096 {
		t.Errorf("%d warnings of %d bytes", len(warnings), len(strings.Join(warnings, "")))
	}
	for _, w := range warnings {
		if utf8.RuneCountInString(w) > 120 || !utf8.ValidString(w) || !strings.HasPrefix(w, "pillion: ") || strings.TrimSpace(w) != w {
			t.Errorf("a warning of %d characters: %q", utf8.RuneCountInString(w), w)
		}
		if strings.ContainsFunc(w, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("a character that is none in %q", w)
		}
	}
}

// FuzzWarn posts anything at all to the endpoints that warn. No answer denies or
// changes something, every warning can be read, and what is said of a workload is what
// the very same pod will meet: a denial is predicted if and only if there will be one.
func FuzzWarn(f *testing.F) {
	for i, dir := range goldenDirs(f) {
		kind := []string{"Deployment", "StatefulSet", "Job"}[i%3]
		template := `{"metadata":{"annotations":{"pillion.dev/inject":"true"}},"spec":{"template":` + string(readGolden(f, dir).pod) + `}}`
		f.Add("/warn/default", reviewOfA(kind, template, ""))
		if filepath.Base(dir) == "git-poller-minimal" {
			f.Add("/warn/unknown", reviewOfA(kind, template, `{}`))
			f.Add("/warn/default", reviewOfA("CronJob", `{"spec":{"jobTemplate":`+template+`}}`, `{"spec":{"jobTemplate":`+template+`}}`))
		}
	}
	f.Add("/namespace", []byte(namespaceReview(`{"metadata":{"labels":{"pillion.dev/policy":"defautl"}}}`, "null")))
	f.Add("/warn/default", reviewOf(annotatedPod))
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		if !slices.Contains([]string{"/warn/default", "/warn/unknown", "/namespace"}, path) {
			path = "/warn/default"
		}
		e := builtinEdge()
		w := e.post(path, body)
		if strings.Contains(e.log.String(), "panic") {
			t.Fatalf("a panic: %s", e.log.String())
		}
		if w.Code != http.StatusOK {
			if w.Code < 400 || strings.Contains(w.Body.String(), `"allowed"`) {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
			return
		}
		var asked struct{ Request *admissionv1.AdmissionRequest }
		if err := kjson.UnmarshalCaseSensitivePreserveInts(body, &map[string]any{}); err != nil {
			t.Fatalf("status 200 for what is no review: %v", err)
		}
		var answered admissionv1.AdmissionReview
		if err := json.Unmarshal(w.Body.Bytes(), &answered); err != nil {
			t.Fatal(err)
		}
		r := answered.Response
		if r == nil || !r.Allowed || r.Result != nil || r.Patch != nil || r.PatchType != nil || r.UID == "" {
			t.Fatalf("the answer is not a plain yes: %s", w.Body)
		}
		fits(t, r.Warnings)
		if path != "/warn/default" || !unambiguous(body) || json.Unmarshal(body, &asked) != nil || asked.Request == nil {
			return
		}
		predicted(t, asked.Request, r)
	})
}

// predicted compares the warnings for a workload with the answers for its pods.
func predicted(t *testing.T, asked *admissionv1.AdmissionRequest, r *admissionv1.AdmissionResponse) {
	t.Helper()
	if r.AuditAnnotations["reason"] == string(reason.NothingChanged) {
		if len(r.Warnings) > 0 || asked.Operation != admissionv1.Update {
			t.Errorf("nothing changed in a %s, and yet: %q", asked.Operation, r.Warnings)
		}
		return
	}
	at, _ := TemplateOf(asked.Kind.Kind)
	template, err := at.Find(asked.Object.Raw)
	if err != nil {
		t.Fatalf("answered without a template: %v", err)
	}
	pod, err := Inject(testInjector, policy.Builtin(), template, Template{})
	if err != nil { // a template without a spec, which the API server never sends
		return
	}
	said := strings.Join(r.Warnings, "\n")
	denial := strings.Contains(said, "pillion: policy default will deny the pods of this ")
	if denial != (pod.Result == reason.Denied) {
		t.Errorf("the pod will be %s (%s), and the warnings are\n%s", pod.Result, pod.Reason, said)
	}
	if pod.Result == reason.Injected && len(pod.Helpers) > 0 && said == "" {
		t.Error("helpers are added in silence")
	}
}
