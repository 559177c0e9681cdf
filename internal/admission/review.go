// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"errors"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// request is the view of an AdmissionRequest: what Pillion looks at and nothing else.
// Who asks is not in it, so it cannot influence the answer.
type request struct {
	UID         types.UID                   `json:"uid"`
	Resource    metav1.GroupVersionResource `json:"resource"`
	SubResource string                      `json:"subResource"`
	Operation   admissionv1.Operation       `json:"operation"`
	Namespace   string                      `json:"namespace"`
	Name        string                      `json:"name"`
	DryRun      bool                        `json:"dryRun"`
	Object      jsontext.Value              `json:"object"`
}

// reviewType is the one version of the envelope that is spoken: the only one that
// Kubernetes sends since 1.22.
var reviewType = metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"}

// decodeReview reads an AdmissionReview that asks about the creation of a pod. The
// API server sends nothing else to us, so anything else is malformed.
func decodeReview(body []byte) (*request, error) {
	var review struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Request    *request `json:"request"`
	}
	if err := jsonv2.Unmarshal(body, &review); err != nil {
		return nil, fmt.Errorf("decoding the AdmissionReview: %w", withoutValue(err))
	}
	r := review.Request
	switch {
	case review.APIVersion != reviewType.APIVersion || review.Kind != reviewType.Kind:
		return nil, fmt.Errorf("got apiVersion %q, kind %q; expected %s, %s", review.APIVersion, review.Kind, reviewType.APIVersion, reviewType.Kind)
	case r == nil:
		return nil, errors.New("the AdmissionReview has no request")
	case r.UID == "":
		return nil, errors.New("the AdmissionReview's request has no uid")
	case r.Operation != admissionv1.Create || r.Resource != metav1.GroupVersionResource{Version: "v1", Resource: "pods"} || r.SubResource != "":
		return nil, fmt.Errorf("got %s of %s %s/%s; only the creation of v1 pods is reviewed", r.Operation, r.Resource.String(), r.Resource.Resource, r.SubResource)
	case len(r.Object) == 0 || r.Object.Kind() != '{':
		return nil, errors.New("the AdmissionReview's request has no object")
	}
	return r, nil
}

// encodeReview writes the answer. patch and patchType are both there or neither.
func encodeReview(response *admissionv1.AdmissionResponse) ([]byte, error) {
	body, err := json.Marshal(admissionv1.AdmissionReview{TypeMeta: reviewType, Response: response})
	if err != nil {
		return nil, fmt.Errorf("writing the AdmissionReview: %w", err)
	}
	return body, nil
}
