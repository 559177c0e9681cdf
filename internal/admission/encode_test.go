// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/types"
)

// FuzzEncodeReview holds the answer that is written by hand against encoding/json's.
func FuzzEncodeReview(f *testing.F) {
	f.Add("a0b1", true, []byte(`[{"op":"add"}]`), "policy", "default", "pillion: a warning")
	f.Add("", false, []byte{}, "", "", "")
	f.Add("<&>", true, []byte("?"), "\"\\", "\u2028\u2029", "\xff\x00\x7f\n")
	f.Add("ü", false, []byte("\x00\xff\xfe"), "policy", "policy", "\U0001f600")
	f.Fuzz(func(t *testing.T, uid string, allowed bool, patch []byte, key, value, warning string) {
		response := &admissionv1.AdmissionResponse{UID: types.UID(uid), Allowed: allowed}
		for _, change := range []func(){
			func() {},
			func() { response.Patch, response.PatchType = patch, new(admissionv1.PatchTypeJSONPatch) },
			func() { response.AuditAnnotations = map[string]string{} },
			func() { response.AuditAnnotations[key] = value },
			func() { response.AuditAnnotations[value] = key },
			func() { response.Warnings = []string{} },
			func() { response.Warnings = []string{warning} },
			func() { response.Warnings = []string{warning, "", warning} },
		} {
			change()
			want, err := marshalReview(response)
			if err != nil {
				t.Fatal(err)
			}
			got, err := encodeReview(nil, response)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Fatalf("(-encoding/json +ours):\n%s", diff)
			}
		}
	})
}
