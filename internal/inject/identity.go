// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// assigned stands for the user that nobody knows before the pod is admitted: the policy
// leaves it out, and whoever assigns users in the namespace fills it in. It is the number
// of root, as which no helper runs.
const assigned int64 = 0

// user is whom the helper runs as, and whom its objects belong to.
func (hp *HelperPolicy) user() int64 {
	if hp.RunAsUser == nil {
		return assigned
	}
	return *hp.RunAsUser
}

// restricted satisfies the Pod Security standard of that name by itself, whatever the
// pod's own security context says. The user is the policy's, or another owner of objects.
func (hp *HelperPolicy) restricted(user int64) *corev1.SecurityContext {
	c := &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		ReadOnlyRootFilesystem:   new(true),
		RunAsGroup:               hp.RunAsGroup,
		RunAsNonRoot:             new(true),
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	if user != assigned {
		c.RunAsUser = &user
	}
	return c
}

// refuseRoot refuses a helper without a user of its own in a pod that gives it root's:
// the kubelet would never start it.
func (b *builder) refuseRoot(c *corev1.Container) {
	pod := b.pod.Spec.SecurityContext
	if c.SecurityContext.RunAsUser != nil || pod == nil || pod.RunAsUser == nil || *pod.RunAsUser != 0 {
		return
	}
	b.refuseOnce(invalid(PodConflict, b.root.Child("spec", "securityContext", "runAsUser"), 0,
		"policy %q leaves the user of helpers to the pod (runAsUser: FromNamespace), and helpers do not run as root; set runAsUser in the containers that need root instead", b.policy.Name))
}

// ownerText names the owner of objects for an error text.
func ownerText(user int64) string {
	if user == assigned {
		return "the helper's own user"
	}
	return fmt.Sprintf("user %d", user)
}

// keepAssigned drops from have's security context the user and group that want leaves
// out, unless they are root's. OpenShift, say, fills them in with numbers of the
// namespace's range, and refuses a container that has lost them again.
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
