// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"net/http"

	jsonv2 "github.com/go-json-experiment/json"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/jsonscan"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// namespaces is the check of reviews that ask about a namespace.
func namespaces(r *request) error {
	if r.Resource != (metav1.GroupVersionResource{Version: "v1", Resource: "namespaces"}) || r.SubResource != "" ||
		r.Operation != admissionv1.Create && r.Operation != admissionv1.Update {
		return r.unexpected("only new and changed v1 namespaces are reviewed here")
	}
	return nil
}

// reviewNamespace warns of a label that names no policy: here alone is its value known,
// and here the person reads it who wrote it.
func (h *handler) reviewNamespace(req *request, _ string) (Outcome, *admissionv1.AdmissionResponse, error) {
	var now, before keyed
	if err := jsonv2.Unmarshal(req.Object, &now, jsonscan.AllowDuplicates); err != nil {
		return Outcome{}, nil, malformed(http.StatusBadRequest, fmt.Errorf("decoding the namespace: %w", jsonscan.WithoutValue(err)))
	}
	name, has := now.Metadata.Labels[inject.PolicyLabel]
	out := Outcome{Decision: inject.Decision{Result: reason.Skipped, Reason: reason.NothingRequested, Policy: inject.NoPolicy}}
	var a advice
	switch p := h.Policies[name]; {
	case p != nil:
		out.Policy, out.PolicyHash = p.Name, p.Hash
	case !has:
	case req.Operation == admissionv1.Update && jsonv2.Unmarshal(req.OldObject, &before, jsonscan.AllowDuplicates) == nil && before.Metadata.Labels[inject.PolicyLabel] == name:
		out.Reason = reason.NothingChanged
	default:
		out.Result, out.Reason = reason.Denied, reason.UnknownPolicy
		hint := ""
		if near := nearmiss.Nearest(name, h.policyNames()); near != "" {
			hint = fmt.Sprintf("; did you mean %q?", near)
		}
		a.say("there is no policy %q, so pods of this namespace that ask for a helper will be denied; the policies are %s%s", jsonscan.Shown(name), h.knownPolicies(), hint)
	}
	return out, &admissionv1.AdmissionResponse{UID: req.UID, Allowed: true, Warnings: a.lines(), AuditAnnotations: out.account().audit()}, nil
}

// objects is the check of reviews that ask about something that has no pod template: nothing
// that is said there depends on what kind it is of, but for pods and namespaces.
func objects(r *request) error {
	if r.SubResource != "" || r.Operation != admissionv1.Create && r.Operation != admissionv1.Update {
		return r.unexpected("only new and changed objects are reviewed here")
	}
	return nil
}

// reviewObject warns of keys of ours where nothing reads them. Those that were there before the
// change are not repeated.
func (h *handler) reviewObject(req *request, _ string) (Outcome, *admissionv1.AdmissionResponse, error) {
	now, err := readKeyed(req.Object, "object")
	if err != nil {
		return Outcome{}, nil, malformed(http.StatusBadRequest, err)
	}
	before := &keyed{}
	if req.Operation == admissionv1.Update {
		if before, err = readKeyed(req.OldObject, "old object"); err != nil {
			return Outcome{}, nil, malformed(http.StatusBadRequest, err)
		}
	}
	out := Outcome{Decision: inject.Decision{Result: reason.Skipped, Reason: reason.NothingRequested, Policy: inject.NoPolicy}}
	var a advice
	if req.Resource == (metav1.GroupVersionResource{Version: "v1", Resource: "pods"}) {
		misplacedOnPod(&a, now, before, req.Operation == admissionv1.Update)
	} else {
		misplacedOn(&a, jsonscan.Shown(req.Kind.Kind), now, before)
	}
	if len(a.sentences) > 0 {
		out.Reason = reason.WrongObject
	}
	return out, &admissionv1.AdmissionResponse{UID: req.UID, Allowed: true, Warnings: a.lines(), AuditAnnotations: out.account().audit()}, nil
}
