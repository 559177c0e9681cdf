// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// Limits bound what helpers add to one pod in all. Zero is no limit.
type Limits struct {
	HelpersPerPod int               // instances count one by one
	SharedMemory  resource.Quantity // the sizeLimits of volumes in memory together, in bytes
	VolumeSize    resource.Quantity // the sizeLimits of volumes on the node's disk together, in bytes
}

// origin says for an error message where the helpers of the pod come from.
func origin(requests []*helper.Request) string {
	added := 0
	for _, r := range requests {
		if r.Reason != reason.Requested {
			added++
		}
	}
	if added == 0 {
		return "that the pod asks for"
	}
	return fmt.Sprintf("with the %d that the policy adds", added)
}

// checkLimits denies what is too much in all.
func (p *Policy) checkLimits(requests []*helper.Request, e *helper.Editor, root *field.Path) (problems []reason.Problem) {
	limits := &p.Limits
	if n := len(requests); limits.HelpersPerPod > 0 && n > limits.HelpersPerPod {
		problems = append(problems, reason.Invalid(reason.LimitExceeded, helper.Annotations(root), n, "is the number of helpers %s, and policy %q allows %d in a pod (limits.helpersPerPod); ask for fewer",
			origin(requests), p.Name, limits.HelpersPerPod))
	}
	for _, l := range []struct {
		name, what string
		most       *resource.Quantity
		have       *helper.Sized
	}{
		{"sharedMemory", "in memory", &limits.SharedMemory, e.InMemory()},
		{"volumeSize", "on the node's disk", &limits.VolumeSize, e.OnDisk()},
	} {
		if !l.most.IsZero() && l.have.Total.Cmp(*l.most) > 0 {
			problems = append(problems, reason.Invalid(reason.LimitExceeded, helper.Annotations(root), l.have.Total.String(),
				"is what the helpers' volumes %s may hold together (%s), and policy %q allows %s in a pod (limits.%s); ask for less",
				l.what, strings.Join(l.have.Names, ", "), p.Name, l.most.String(), l.name))
		}
	}
	return problems
}
