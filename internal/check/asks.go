// SPDX-License-Identifier: Apache-2.0

package check

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/helper"
)

// ask is what a pod on trial asks for.
type ask struct {
	helper      string
	annotations map[string]string
}

// asks are tried one after another until the policy allows one. Both are native sidecars.
func asks() []ask {
	const path = "/pillion-check"
	return []ask{
		{"date-writer", map[string]string{"date-writer." + helper.Domain + "/mount-path": path}},
		{"git-poller", map[string]string{
			"git-poller." + helper.Domain + "/mount-path": path,
			"git-poller." + helper.Domain + "/repo":       "https://github.com/pillion-dev/pillion.git",
		}},
	}
}

// pod is as small and as harmless as a pod can be, so that whatever else looks at pods of
// the namespace, such as Pod Security or a quota, lets it pass.
func (a *ask) pod() *corev1.Pod {
	few := corev1.ResourceList{corev1.ResourceCPU: *resourceOf("1m"), corev1.ResourceMemory: *resourceOf("1Mi")}
	p := &corev1.Pod{Spec: corev1.PodSpec{
		AutomountServiceAccountToken: new(false),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: new(true), RunAsUser: new(int64(65532)),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{{
			Name: "app", Image: "pillion.invalid/check:v0", // it is never pulled
			Resources: corev1.ResourceRequirements{Requests: few, Limits: few},
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: new(false),
				Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
		}},
	}}
	p.GenerateName, p.Annotations = "pillion-check-", a.annotations
	return p
}

// missingRight is the right to make pods in a namespace, if that is why one was denied.
func missingRight(err error, namespace string) string {
	if apierrors.IsForbidden(err) && strings.Contains(err.Error(), `cannot create resource "pods"`) {
		return right("create", podsOf(namespace))
	}
	return ""
}

func resourceOf(text string) *resource.Quantity {
	q := resource.MustParse(text)
	return &q
}
