// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"bytes"
	"encoding/json"
	"reflect"

	corev1 "k8s.io/api/core/v1"
)

// sameContainer reports whether a container of the pod is the one that we would write,
// comparing all of its JSON: a field that this version does not know counts as well.
//
// Computed resources that we do not set are left out of the comparison. A LimitRange adds
// them (ephemeral-storage, say) to every container, and a container that lost them
// again would be denied by that same LimitRange. The same holds for a user and a group
// that the policy leaves out, and for what [keepOthers] keeps.
func sameContainer(raw []byte, want *corev1.Container, required bool) bool {
	written := marshal(want)
	if bytes.Equal(raw, written) { // the usual case: the API server writes as we do
		return true
	}
	have, wanted := generic(raw), generic(written)
	keepWanted(have, wanted, "limits")
	keepWanted(have, wanted, "requests")
	keepAssigned(have, wanted)
	keepOthers(have, wanted, required)
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

// keepWanted drops from have's resources those of [computed] that want does not set. What else
// is there, such as a GPU, is nothing that a helper asks for.
func keepWanted(have, want map[string]any, list string) {
	h, _ := have["resources"].(map[string]any)
	w, _ := want["resources"].(map[string]any)
	hs, _ := h[list].(map[string]any)
	ws, _ := w[list].(map[string]any)
	for _, name := range computed {
		if _, set := ws[name]; !set {
			delete(hs, name)
		}
	}
}
