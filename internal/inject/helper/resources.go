// SPDX-License-Identifier: Apache-2.0

package helper

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// resources are the policy's, or what the pod says where the policy lets it. CPU is a limit,
// which a request is not above. Memory is requested as well, since a node that is full takes
// away what is not.
func (r *Request) resources(hp *rule.Helper) corev1.ResourceRequirements {
	cpu, memory := r.Has(CPU), r.Has(Memory)
	if !cpu && !memory { // the usual case: nothing is changed, so nothing is copied
		return hp.Resources
	}
	res := *hp.Resources.DeepCopy()
	if cpu {
		limit := *resource.NewMilliQuantity(r.Value(CPU).Number, resource.DecimalSI)
		res.Limits[corev1.ResourceCPU] = limit
		if request := res.Requests[corev1.ResourceCPU]; request.Cmp(limit) > 0 {
			res.Requests[corev1.ResourceCPU] = limit
		}
	}
	if memory {
		size := asServed(*resource.NewQuantity(r.Value(Memory).Bytes(), resource.BinarySI))
		res.Limits[corev1.ResourceMemory], res.Requests[corev1.ResourceMemory] = size, size
	}
	return res
}
