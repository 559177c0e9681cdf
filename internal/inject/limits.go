// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Limits bound what helpers add to one pod in all. Zero is no limit.
type Limits struct {
	HelpersPerPod int               // instances count one by one
	SharedMemory  resource.Quantity // the sizeLimits of volumes in memory together, in bytes
	VolumeSize    resource.Quantity // the sizeLimits of volumes on the node's disk together, in bytes
}

// sized is the volumes of one kind that helpers add, and their sizes together.
type sized struct {
	names []string
	total resource.Quantity
}

// count adds a volume of ours to those that a policy limits. The volume in place of the
// token has no container that can write to it.
func (b *builder) count(v *corev1.Volume) {
	if v.EmptyDir == nil || v.EmptyDir.SizeLimit == nil || v.Name == noTokenVolume {
		return
	}
	kind := &b.onDisk
	if v.EmptyDir.Medium != corev1.StorageMediumDefault { // memory, or huge pages
		kind = &b.inMemory
	}
	kind.names = append(kind.names, v.Name)
	kind.total.Add(*v.EmptyDir.SizeLimit)
}

// whose says for an error text where the helpers of the pod come from.
func (b *builder) whose() string {
	added := 0
	for _, r := range b.requests {
		if r.Reason != Requested {
			added++
		}
	}
	if added == 0 {
		return "that the pod asks for"
	}
	return fmt.Sprintf("with the %d that the policy adds", added)
}

// checkLimits refuses what is too much in all.
func (b *builder) checkLimits() (problems []Problem) {
	limits := &b.policy.Limits
	if n := len(b.requests); limits.HelpersPerPod > 0 && n > limits.HelpersPerPod {
		problems = append(problems, invalid(LimitExceeded, annotationsPath(b.root), n, "is the number of helpers %s, and policy %q allows %d in a pod (limits.helpersPerPod); ask for fewer",
			b.whose(), b.policy.Name, limits.HelpersPerPod))
	}
	for _, l := range []struct {
		name, what string
		most       *resource.Quantity
		have       *sized
	}{
		{"sharedMemory", "in memory", &limits.SharedMemory, &b.inMemory},
		{"volumeSize", "on the node's disk", &limits.VolumeSize, &b.onDisk},
	} {
		if !l.most.IsZero() && l.have.total.Cmp(*l.most) > 0 {
			problems = append(problems, invalid(LimitExceeded, annotationsPath(b.root), l.have.total.String(),
				"is what the helpers' volumes %s may hold together (%s), and policy %q allows %s in a pod (limits.%s); ask for less",
				l.what, strings.Join(l.have.names, ", "), b.policy.Name, l.most.String(), l.name))
		}
	}
	return problems
}
