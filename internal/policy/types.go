// SPDX-License-Identifier: Apache-2.0

package policy

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject"
)

// APIVersion and Kind are what every policy file begins with.
const (
	APIVersion = "pillion.dev/v1alpha1"
	Kind       = "InjectionPolicy"
)

// InjectionPolicy is one policy file.
type InjectionPolicy struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       Spec     `json:"spec"`
}

// Metadata names the policy. A namespace picks it by this name.
type Metadata struct {
	Name string `json:"name"`
}

// Spec says what pods may ask for and what the platform owns.
type Spec struct {
	// Enforcement is Deny (the default). Warn is not evaluated by this version and
	// refused when the file is loaded.
	Enforcement string `json:"enforcement,omitempty"`
	// HostNetwork is Deny (the default) or Allow: whether helpers may go into pods
	// that use the node's network.
	HostNetwork string `json:"hostNetwork,omitempty"`

	// Image, PullPolicy and ImagePullSecrets are for all helpers that do not set their own.
	Image            string            `json:"image,omitempty"`
	PullPolicy       corev1.PullPolicy `json:"pullPolicy,omitempty"`
	ImagePullSecrets []string          `json:"imagePullSecrets,omitempty"`

	// Helpers are the helpers that pods may ask for. One that is not listed is not allowed.
	Helpers map[string]*Helper `json:"helpers"`

	// Require lists what every pod gets. It is not evaluated by this version, and a
	// file that uses it is refused.
	Require []Requirement `json:"require,omitempty"`
}

// Helper is what the policy says about one helper. All of it is optional.
type Helper struct {
	Options          map[string]inject.RuleSpec   `json:"options,omitempty"`
	Image            string                       `json:"image,omitempty"`
	PullPolicy       corev1.PullPolicy            `json:"pullPolicy,omitempty"`
	ImagePullSecrets []string                     `json:"imagePullSecrets,omitempty"`
	Resources        *corev1.ResourceRequirements `json:"resources,omitempty"`
	// VolumeSizeLimit bounds the volume that the helper fills. A pod that exceeds it
	// is evicted by the kubelet, so it is a last line of defence.
	VolumeSizeLimit string `json:"volumeSizeLimit,omitempty"`
}

// Requirement is one helper, with option values, that every pod of a namespace gets.
type Requirement struct {
	Helper   string            `json:"helper"`
	Instance string            `json:"instance,omitempty"`
	Options  map[string]string `json:"options,omitempty"`
}
