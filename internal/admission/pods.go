// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// reviewPod decides on a pod and builds the answer.
func (h *handler) reviewPod(req *request, policyName string) (Outcome, *admissionv1.AdmissionResponse, error) {
	policy, err := h.policy(policyName)
	if err != nil {
		return Outcome{}, nil, err
	}
	p := req.pod
	if p == nil { // somebody else has read the review, or there is no such view
		if p, err = view("", req.Object, Template{}); err != nil {
			return Outcome{}, nil, malformed(http.StatusBadRequest, err)
		}
	}
	p.Kubelet = req.kubelet()
	out, err := injectInto(&req.memory.patched, p, h.injector, policy, req.Object, Template{})
	if err != nil {
		return out, nil, err
	}
	out.Decision = h.named(out.Decision, req.Namespace)
	response := &admissionv1.AdmissionResponse{UID: req.UID, AuditAnnotations: out.account().audit(), Warnings: out.Warnings}
	if out.Result == reason.Denied {
		deny(response, out.Reason, jsonscan.Shortened(out.Message(), maxMessage))
		return out, response, nil
	}
	response.Allowed = true
	if out.Patch != nil {
		response.Patch, response.PatchType = out.Patch, new(admissionv1.PatchTypeJSONPatch)
	}
	return out, response, nil
}

// newPods is the check of reviews that ask about the creation of a pod.
func newPods(r *request) error {
	if r.Operation != admissionv1.Create || r.Resource != (metav1.GroupVersionResource{Version: "v1", Resource: "pods"}) || r.SubResource != "" {
		return r.unexpected("only the creation of v1 pods is reviewed")
	}
	return nil
}
