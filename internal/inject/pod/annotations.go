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
	Native []string // annotations of which each makes it a native sidecar with the value "true"
}

// Meshes are those whose proxy Pillion knows.
var Meshes = []Mesh{
	{"sidecar.istio.io/inject", []string{"true"}, []string{"sidecar.istio.io/nativeSidecar"}},
	{"linkerd.io/inject", []string{"enabled", "ingress"}, []string{
		"config.linkerd.io/proxy-enable-native-sidecar",
		"config.beta.linkerd.io/proxy-enable-native-sidecar", // its names in releases before 2026
		"config.alpha.linkerd.io/proxy-enable-native-sidecar",
	}},
	{"kuma.io/sidecar-injection", []string{"enabled", "true"}, nil},
	{"consul.hashicorp.com/connect-inject", []string{"true"}, nil},
}

// ofOthers has all annotations above.
var ofOthers = func() map[string]bool {
	all := map[string]bool{MirrorAnnotation: true, SafeToEvictAnnotation: true}
	for _, m := range Meshes {
		all[m.Key] = true
		for _, key := range m.Native {
			all[key] = true
		}
	}
	return all
}()

// DecidedOn tells whether an annotation is in the view. Of those of others it is only what is
// listed here, so a decision that needs one more finds it once it is listed.
func DecidedOn(key []byte) bool {
	prefix, _, _ := bytes.Cut(key, []byte("/"))
	if n := len(prefix) - len(Domain); n >= 0 && bytes.EqualFold(prefix[n:], []byte(Domain)) {
		return true
	}
	return ofOthers[string(key)]
}
