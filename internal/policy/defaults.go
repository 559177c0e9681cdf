// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"maps"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/helper"
)

// Defaults are what policies get that they do not say, besides what is the same everywhere. The
// zero value is that of this version.
type Defaults struct {
	// Image is the image of helpers in policies that name none; "" is [DefaultImage].
	Image string
}

// CheckImage says what is wrong with the name of an image, if anything is.
func CheckImage(image string) error {
	if !imageReference.MatchString(image) {
		return fmt.Errorf("%q %s", image, notAnImage)
	}
	return nil
}

// builtin is the policy that is in force when no file is given: every helper, any
// https repository, nothing in pods that use the node's network. Its limits stop
// accidents and abuse, and no honest pod: sixteen helpers are more than a pod has reasons
// for, 4Gi of shared memory are a quarter of a common node's, and 20Gi are the volumes of
// five git-pollers and a fifth of its disk.
func builtin(known *helper.Set) *InjectionPolicy {
	p := &InjectionPolicy{
		APIVersion: APIVersion,
		Kind:       Kind,
		Metadata:   Metadata{Name: DefaultName},
		Spec: Spec{
			Limits:  Limits{HelpersPerPod: new(int64(16)), SharedMemory: "4Gi", VolumeSize: "20Gi"},
			Helpers: map[string]*Helper{},
		},
	}
	for _, h := range known.All() {
		p.Spec.Helpers[h.Name] = &Helper{Options: maps.Clone(h.Builtin)}
	}
	return p
}

// withDefaults fills in what a file leaves out. The result is the canonical form, of
// which the policy's hash is taken.
func withDefaults(p *InjectionPolicy, known *helper.Set, d Defaults) {
	s := &p.Spec
	if s.Helpers == nil {
		s.Helpers = map[string]*Helper{}
	}
	setDefault(&s.Enforcement, "Deny")
	setDefault(&s.HostNetwork, "Deny")
	setDefault(&s.Image, cmp.Or(d.Image, DefaultImage))
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
		s.complete(known.Find(name), h)
	}
}

// complete fills in what a helper takes from the policy and from its declaration, which is nil
// for a helper that does not exist.
func (s *Spec) complete(declared *helper.Helper, h *Helper) {
	if h.Engine == helper.OwnEngine { // so that a policy has one hash, whether it says so or not
		h.Engine = ""
	}
	if declared != nil {
		if engine := declared.Engine(h.Engine); engine != nil {
			s.completeEngine(h, engine)
		}
	}
	if declared != nil && declared.Image != "" {
		setDefault(&h.Image, declared.Image)
		if declared.User != 0 && h.RunAsUser == "" && s.RunAsUser != FromNamespace {
			h.RunAsUser = ID(strconv.FormatInt(declared.User, 10))
			setDefault(&h.RunAsGroup, h.RunAsUser)
		}
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
	if declared != nil {
		h.completeResources(declared.Resources)
	} else {
		h.completeResources(corev1.ResourceRequirements{})
	}
	if declared != nil && declared.FillsVolume {
		setDefault(&h.VolumeSizeLimit, "4Gi")
	}
}
