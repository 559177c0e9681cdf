// SPDX-License-Identifier: Apache-2.0

package pod

import "bytes"

// Domain is the domain under which all annotations of Pillion are.
const Domain = "pillion.dev"

// Annotations of others that are decided on.
const (
	// MirrorAnnotation marks the mirror of a static pod (k8s.io/api/core/v1, MirrorPodAnnotationKey).
	MirrorAnnotation = "kubernetes.io/config.mirror"
	// SafeToEvictAnnotation lists volumes that the cluster autoscaler may lose
	// (kubernetes/autoscaler, FAQ "What types of pods can prevent CA from removing a node?").
	SafeToEvictAnnotation = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
)

// Mesh is an annotation that requests the proxy of a service mesh.
type Mesh struct {
	Key    string
	Values []string
	Native string // the annotation that makes it a native sidecar with the value "true"; "" if there is none
}

// Meshes are those whose proxy Pillion knows.
var Meshes = []Mesh{
	{"sidecar.istio.io/inject", []string{"true"}, "sidecar.istio.io/nativeSidecar"},
	{"linkerd.io/inject", []string{"enabled", "ingress"}, "config.linkerd.io/proxy-enable-native-sidecar"},
	{"kuma.io/sidecar-injection", []string{"enabled", "true"}, ""},
	{"consul.hashicorp.com/connect-inject", []string{"true"}, ""},
}

// DecidedOn tells whether an annotation is in the view. Of those of others it is only what is
// listed here, so a decision that needs one more finds it once it is listed.
func DecidedOn(key []byte) bool {
	prefix, _, _ := bytes.Cut(key, []byte("/"))
	if n := len(prefix) - len(Domain); n >= 0 && bytes.EqualFold(prefix[n:], []byte(Domain)) {
		return true
	}
	switch string(key) {
	case MirrorAnnotation, SafeToEvictAnnotation:
		return true
	}
	for i := range Meshes {
		if m := &Meshes[i]; string(key) == m.Key || string(key) == m.Native {
			return true
		}
	}
	return false
}
