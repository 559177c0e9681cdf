// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// Restricted satisfies the Pod Security standard of that name by itself, whatever the
// pod's own security context says. The user is the policy's, or another owner of objects.
func Restricted(hp *rule.Helper, user int64) *corev1.SecurityContext {
	c := &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		ReadOnlyRootFilesystem:   new(true),
		RunAsGroup:               hp.RunAsGroup,
		RunAsNonRoot:             new(true),
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	if user != rule.Assigned {
		c.RunAsUser = &user
	}
	return c
}

// Security is the security context of the helper: restricted, less the privileges that it has.
func (e *Editor) Security(r *Request) *corev1.SecurityContext {
	s := Restricted(e.rules, e.rules.User())
	for _, privilege := range r.Helper.Privileges {
		switch name, capability := strings.CutPrefix(privilege, CapabilityPrefix); {
		case capability:
			s.Capabilities.Add = append(s.Capabilities.Add, corev1.Capability(name))
		case privilege == Root:
			s.RunAsUser, s.RunAsGroup, s.RunAsNonRoot = new(int64(0)), new(int64(0)), new(false)
		case privilege == WritableRoot:
			s.ReadOnlyRootFilesystem = new(false)
		}
	}
	return s
}

// denyRoot denies a helper without a user of its own in a pod that gives it root's:
// the kubelet would never start it.
func (e *Editor) denyRoot(c *corev1.Container) {
	pod := e.spec.SecurityContext
	if c.SecurityContext.RunAsUser != nil || pod == nil || pod.RunAsUser == nil || *pod.RunAsUser != 0 {
		return
	}
	e.DenyOnce(reason.Invalid(reason.PodConflict, e.root.Child("spec", "securityContext", "runAsUser"), 0,
		"policy %q leaves the user of helpers to the pod (runAsUser: FromNamespace), and helpers do not run as root; set runAsUser in the containers that need root instead", e.terms.Policy))
}

// keepAssigned drops from have's security context the user and group that want leaves
// out, unless they are root's. OpenShift, say, fills them in with numbers of the
// namespace's range, and denies a container that has lost them again.
func keepAssigned(have, want map[string]any) {
	h, _ := have["securityContext"].(map[string]any)
	w, _ := want["securityContext"].(map[string]any)
	for _, name := range []string{"runAsUser", "runAsGroup"} {
		if _, set := w[name]; set {
			continue
		}
		if id, ok := h[name].(float64); ok && id > 0 {
			delete(h, name)
		}
	}
}
