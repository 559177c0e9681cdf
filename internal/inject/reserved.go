// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// squatters reports what bears a reserved name without being part of a helper of this
// pod. What a helper does account for has been kept or renewed, so a name gains its
// owner nothing; and a reserved volume that only our own containers mount may be what
// an older version left, so it may stay.
func squatters(p *pod.Pod, e *helper.Editor, root *field.Path) (problems []reason.Problem) {
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
				if !l.init || !isHelper(e, c.Name) {
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
				if name := c.VolumeMounts[j].Name; pod.Reserved(name) && !e.Fills(name) {
					reserved(at().Child("volumeMounts").Index(j).Child("name"), name, "is not a volume that helpers share with an app")
				}
			}
		}
	}
	return problems
}

func isHelper(e *helper.Editor, container string) bool {
	return slices.ContainsFunc(e.Statuses(), func(h helper.Status) bool { return h.Container == container })
}
