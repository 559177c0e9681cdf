// SPDX-License-Identifier: Apache-2.0

package pillion_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/pkg/pillion"
)

// goldenPods are the cases of internal/admission: every pod, with the policy that it is under.
func goldenPods(t *testing.T) map[string]goldenPod {
	t.Helper()
	files, err := filepath.Glob("../../internal/admission/testdata/*/pod.yaml")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d golden pods, %v", len(files), err)
	}
	pods := map[string]goldenPod{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pod, err := yaml.YAMLToJSONStrict(text)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(file)
		p := pillion.Builtin()
		if _, err := os.Stat(filepath.Join(dir, "policy.yaml")); err == nil {
			policies, err := pillion.Load(filepath.Join(dir, "policy.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			p = policies[0]
		}
		pods[filepath.Base(dir)] = goldenPod{pod, p}
	}
	return pods
}

type goldenPod struct {
	json   []byte
	policy *pillion.Policy
}

// request is what the API server sends about the creation of a pod.
func request(t *testing.T, pod []byte) *admissionv1.AdmissionRequest {
	t.Helper()
	text := fmt.Sprintf(`{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","kind":{"group":"","version":"v1","kind":"Pod"},`+
		`"resource":{"group":"","version":"v1","resource":"pods"},"name":"web","namespace":"site","operation":"CREATE",`+
		`"userInfo":{"username":"alice","groups":["system:authenticated"]},"object":%s}`, pod)
	var r admissionv1.AdmissionRequest
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

func review(t *testing.T, r *admissionv1.AdmissionRequest) string {
	t.Helper()
	envelope := admissionv1.AdmissionReview{Request: r}
	envelope.APIVersion, envelope.Kind = "admission.k8s.io/v1", "AdmissionReview"
	body, err := json.Marshal(envelope)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func post(t *testing.T, h http.Handler, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func answer(t *testing.T, w *httptest.ResponseRecorder) *admissionv1.AdmissionResponse {
	t.Helper()
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	var r admissionv1.AdmissionReview
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return r.Response
}
