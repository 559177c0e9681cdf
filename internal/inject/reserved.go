// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// reservedNames reports what has a reserved name without being part of a helper of this
// pod. What belongs to a helper has been kept or replaced, so its
// author gains nothing by the name; a reserved volume that only our own containers mount may be what an older
// version left, so it may stay; and so may what a copy of an injected pod has left over.
func reservedNames(p *pod.Pod, policy *Policy, e *helper.Editor, root *field.Path) (problems []reason.Problem) {
	reserved := func(at *field.Path, name, what string) {
		problems = append(problems, reason.Invalid(reason.ReservedName, at, name, "%s; rename it: names that begin with %q are Pillion's own", what, pod.ReservedPrefix))
	}
	lists := []struct {
		name string
		list []pod.Container
		init bool
	}{
		{"initContainers", p.Spec.InitContainers, true},
		{"containers", p.Spec.Containers, false},
	}
	for _, l := range lists {
		for i := range l.list {
			c := &l.list[i]
			at := func() *field.Path { return root.Child("spec", l.name).Index(i) }
			if pod.Reserved(c.Name) {
				switch {
				case l.init && isHelper(e, c.Name):
				case l.init && policy.leftOver(e, c):
					warnLeftOver(e, c.Name)
				default:
					reserved(at().Child("name"), c.Name, "is not a helper that this pod asks for")
				}
				continue
			}
			for j := range c.VolumeDevices {
				if name := c.VolumeDevices[j].Name; pod.Reserved(name) {
					reserved(at().Child("volumeDevices").Index(j).Child("name"), name, "is not a volume that an app can use as a device")
				}
			}
			for j := range c.VolumeMounts {
				m := &c.VolumeMounts[j]
				if !pod.Reserved(m.Name) {
					continue
				}
				switch why, leftOver := e.AppMount(pod.Ref{Init: l.init, Index: i}, m); {
				case why != "":
					problems = append(problems, reason.Invalid(reason.ReservedName, at().Child("volumeMounts").Index(j).Child("name"), m.Name, "%s", why))
				case leftOver:
					warnLeftOver(e, m.Name)
				}
			}
		}
	}
	return problems
}

// leftOver reports whether any helper of the policy could have written a container.
func (p *Policy) leftOver(e *helper.Editor, c *pod.Container) bool {
	for _, hp := range p.Helpers {
		if e.LeftOver(c, hp) {
			return true
		}
	}
	return false
}

// warnLeftOver says once that a container or a volume has no helper any more.
func warnLeftOver(e *helper.Editor, name string) {
	text := fmt.Sprintf("%.50s is left over from a pod that was copied; nothing asks for it", name)
	if !slices.Contains(e.Warnings(), "pillion: "+text) {
		e.Warn(text)
	}
}

func isHelper(e *helper.Editor, container string) bool {
	return slices.ContainsFunc(e.Statuses(), func(h helper.Status) bool { return h.Container == container })
}
