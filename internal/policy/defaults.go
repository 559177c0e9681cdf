// SPDX-License-Identifier: Apache-2.0

package policy

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject"
)

// DefaultName is the policy of namespaces that pick none.
const DefaultName = "default"

// DefaultImage is the image of all helpers unless a policy names another.
const DefaultImage = "ghcr.io/pillion-dev/pillion-helper:v0.1.0"

// builtin is the policy that is in force when no file is given: every helper, any
// https repository, nothing in pods that use the node's network. Its limits stop
// accidents and abuse, and no honest pod: sixteen helpers are more than a pod has reasons
// for, 4Gi of shared memory are a quarter of a common node's, and 20Gi are the volumes of
// five git-pollers and a fifth of its disk.
func builtin() *InjectionPolicy {
	return &InjectionPolicy{
		APIVersion: APIVersion,
		Kind:       Kind,
		Metadata:   Metadata{Name: DefaultName},
		Spec: Spec{Limits: Limits{HelpersPerPod: new(int64(16)), SharedMemory: "4Gi", VolumeSize: "20Gi"}, Helpers: map[string]*Helper{
			"git-poller": {Options: map[string]inject.RuleSpec{
				"repo":   {Allow: []inject.Text{"https://*:*/*"}},
				"period": {Min: new(inject.Text("10s"))},
			}},
			"date-writer": {},
			"ipc":         {}, // and no sysctl but the one that every kubelet allows
			"start":       {},
		}},
	}
}

// withDefaults fills in what a file leaves out. The result is the canonical form, of
// which the policy's hash is taken.
func withDefaults(p *InjectionPolicy) {
	s := &p.Spec
	if s.Helpers == nil {
		s.Helpers = map[string]*Helper{}
	}
	setDefault(&s.Enforcement, "Deny")
	setDefault(&s.HostNetwork, "Deny")
	setDefault(&s.Image, DefaultImage)
	setDefault(&s.PullPolicy, corev1.PullIfNotPresent)
	setDefault(&s.RunAsUser, nonroot)
	setDefault(&s.RunAsGroup, s.RunAsUser.group())
	if s.RuntimeClasses.GVisor == nil {
		s.RuntimeClasses.GVisor = []string{"gvisor", "runsc"}
	}
	for name, h := range s.Helpers {
		if h == nil { // "date-writer:" with nothing behind it
			h = &Helper{}
			s.Helpers[name] = h
		}
		s.complete(name, h)
	}
}

// complete fills in what a helper takes from the policy.
func (s *Spec) complete(name string, h *Helper) {
	if h.Engine == inject.EnginePillion { // so that a policy has one hash, whether it says so or not
		h.Engine = ""
	}
	if h.Engine == inject.EngineGitSync {
		s.completeGitSync(h)
	}
	setDefault(&h.Image, s.Image)
	setDefault(&h.PullPolicy, s.PullPolicy)
	if h.RunAsUser != "" { // the policy's group belongs to the policy's user
		setDefault(&h.RunAsGroup, h.RunAsUser.group())
	}
	setDefault(&h.RunAsUser, s.RunAsUser)
	setDefault(&h.RunAsGroup, s.RunAsGroup)
	if h.ImagePullSecrets == nil {
		h.ImagePullSecrets = s.ImagePullSecrets
	}
	if h.Resources == nil {
		h.Resources = defaultResources(name)
	}
	if helper := inject.FindHelper(name); helper != nil && helper.FillsVolume {
		setDefault(&h.VolumeSizeLimit, "4Gi")
	}
}

func setDefault[T ~string](field *T, value T) {
	if *field == "" {
		*field = value
	}
}

// defaultResources are what a helper needs. The git-poller's memory limit covers a
// fresh clone of a repository of some 200 MB, which was measured at 231 MB.
//
// No limit on ephemeral-storage: the kubelet adds up the limits of those containers
// that have one and evicts the pod when all of its containers together use more, so a
// limit on a helper would become one on the app.
func defaultResources(helper string) *corev1.ResourceRequirements {
	sizes := map[string][4]string{
		"git-poller":  {"10m", "32Mi", "500m", "256Mi"},
		"date-writer": {"1m", "8Mi", "100m", "32Mi"},
		"ipc":         {"1m", "8Mi", "100m", "32Mi"},
		"start":       {"1m", "8Mi", "100m", "32Mi"},
	}
	s, known := sizes[helper]
	if !known {
		return &corev1.ResourceRequirements{}
	}
	list := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse(cpu),
			corev1.ResourceMemory: resource.MustParse(memory),
		}
	}
	return &corev1.ResourceRequirements{Requests: list(s[0], s[1]), Limits: list(s[2], s[3])}
}
