// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// sameContainer tells whether a container of the pod is the one that we would write,
// comparing all of its JSON: a field that this version does not know counts as well.
//
// Resources that we do not set are left out of the comparison. A LimitRange adds
// them (ephemeral-storage, say) to every container, and a container that lost them
// again would be refused by that same LimitRange. The same holds for a user and a group
// that the policy leaves out.
func sameContainer(raw []byte, want *corev1.Container) bool {
	written := marshal(want)
	if bytes.Equal(raw, written) { // the usual case: the API server writes as we do
		return true
	}
	have, wanted := generic(raw), generic(written)
	keepWanted(have, wanted, "limits")
	keepWanted(have, wanted, "requests")
	keepAssigned(have, wanted)
	return have != nil && reflect.DeepEqual(have, wanted)
}

func sameVolume(raw []byte, want *corev1.Volume) bool {
	written := marshal(want)
	if bytes.Equal(raw, written) {
		return true
	}
	have := generic(raw)
	return have != nil && reflect.DeepEqual(have, generic(written))
}

// marshal writes an object as JSON; the API types that we build always can be.
func marshal(v any) []byte {
	raw, _ := json.Marshal(v)
	return raw
}

// generic reads any JSON object; nil if it is none.
func generic(raw []byte) map[string]any {
	var object map[string]any
	if json.Unmarshal(raw, &object) != nil {
		return nil
	}
	return object
}

// keepWanted drops from have's resources the names that want does not set.
func keepWanted(have, want map[string]any, list string) {
	h, _ := have["resources"].(map[string]any)
	w, _ := want["resources"].(map[string]any)
	hs, _ := h[list].(map[string]any)
	ws, _ := w[list].(map[string]any)
	for name := range hs {
		if _, set := ws[name]; !set {
			delete(hs, name)
		}
	}
}

// squatters reports what bears a reserved name without being part of a helper of this
// pod. What a helper does account for has been kept or renewed, so a name gains its
// owner nothing; and a reserved volume that only our own containers mount may be what
// an older version left, so it may stay.
func (b *builder) squatters() {
	reserved := func(at *field.Path, name, what string) {
		b.refuse(invalid(ReservedName, at, name, "%s; rename it: names that begin with %q are Pillion's own", what, ReservedPrefix))
	}
	lists := []struct {
		name string
		list []Container
		init bool
	}{
		{"initContainers", b.pod.Spec.InitContainers, true},
		{"containers", b.pod.Spec.Containers, false},
	}
	for _, l := range lists {
		for i := range l.list {
			c := &l.list[i]
			at := func() *field.Path { return b.root.Child("spec", l.name).Index(i) }
			if Reserved(c.Name) {
				if !l.init || !b.isHelper(c.Name) {
					reserved(at().Child("name"), c.Name, "is not a helper that this pod asks for")
				}
				continue
			}
			for j := range c.VolumeDevices {
				if name := c.VolumeDevices[j].Name; Reserved(name) {
					reserved(at().Child("volumeDevices").Index(j).Child("name"), name, "is not a volume that an app can use as a device")
				}
			}
			for j := range c.VolumeMounts {
				if name := c.VolumeMounts[j].Name; Reserved(name) && !b.isContent(name) {
					reserved(at().Child("volumeMounts").Index(j).Child("name"), name, "is not a volume that helpers share with an app")
				}
			}
		}
	}
}

func (b *builder) isHelper(container string) bool {
	return slices.ContainsFunc(b.helpers, func(h HelperStatus) bool { return h.Container == container })
}

// isContent tells whether a volume is one that a helper of this pod fills for the app.
func (b *builder) isContent(volume string) bool { return b.fills[volume] != nil }
