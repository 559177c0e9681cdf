// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Mirrors reports whether the pod is the image of a static pod, which runs already, and not
// a pod that somebody marked as one. Kubelets create nothing else, and on their own node
// alone (k8s.io/kubernetes, plugin/pkg/admission/noderestriction, admitPodCreate). A pod
// that is marked and has no static pod behind it is never run: the kubelet passes over it
// and deletes it (pkg/kubelet, HandlePodAdditions and HandlePodCleanups). But that is the
// kubelet's to know, and no reason to let a mark opt a pod out of what a policy requires.
func (p *Pod) Mirrors() bool {
	_, marked := p.Metadata.Annotations[MirrorAnnotation]
	return marked && p.Kubelet != "" && p.Kubelet == p.Spec.NodeName
}

// Kind names the volume's type for an error message.
func (v *Volume) Kind() string {
	switch {
	case v.EmptyDir != nil:
		return "emptyDir"
	case v.ConfigMap != nil:
		return "configMap"
	case v.Secret != nil:
		return "secret"
	case v.Projected != nil:
		return "projected"
	case v.DownwardAPI != nil:
		return "downwardAPI"
	}
	return "not an emptyDir"
}

// Fixed reports whether nothing but the kubelet writes to the volume, so that a container
// runtime cannot make a mount point inside it.
func (v *Volume) Fixed() bool {
	if v.Projects() || v.Image != nil {
		return true
	}
	return slices.ContainsFunc([]*ReadOnlySource{v.PersistentVolumeClaim, v.NFS, v.CSI}, func(s *ReadOnlySource) bool { return s != nil && s.ReadOnly })
}

// Projects reports whether the kubelet writes objects of the cluster into the volume, and keeps
// them up to date except where it is mounted with a subPath.
func (v *Volume) Projects() bool {
	return v.ConfigMap != nil || v.Secret != nil || v.Projected != nil || v.DownwardAPI != nil
}

// Restartable reports whether an init container is a native sidecar.
func (c *Container) Restartable() bool {
	return c.RestartPolicy == string(corev1.ContainerRestartPolicyAlways)
}

// Windows reports whether the pod says that it runs on Windows.
func (s *Spec) Windows() bool {
	if s.OS != nil {
		return s.OS.Name == corev1.Windows
	}
	return s.NodeSelector[corev1.LabelOSStable] == string(corev1.Windows) ||
		s.NodeSelector["beta.kubernetes.io/os"] == string(corev1.Windows)
}

// Guaranteed reports whether the app's containers put the pod into the Guaranteed QoS
// class: each has CPU and memory limits and requests that equal them.
func (s *Spec) Guaranteed() bool {
	if r := s.Resources; r != nil && len(r.Requests)+len(r.Limits) > 0 { // these decide, see helper.Editor
		return false
	}
	for _, list := range [][]Container{s.InitContainers, s.Containers} {
		for i := range list {
			if !Reserved(list[i].Name) && !GuaranteedBy(list[i].Resources) {
				return false
			}
		}
	}
	return true
}

// GuaranteedBy reports whether a container with these resources can be in a pod of the
// Guaranteed class.
func GuaranteedBy(r corev1.ResourceRequirements) bool {
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		limit, has := r.Limits[name]
		if !has || limit.IsZero() {
			return false
		}
		// An absent request is defaulted to the limit.
		if request, has := r.Requests[name]; has && request.Cmp(limit) != 0 {
			return false
		}
	}
	return true
}

// User is the user that the pod says for its containers; nil if it says none.
func (s *Spec) User() *int64 {
	if s.SecurityContext == nil {
		return nil
	}
	return s.SecurityContext.RunAsUser
}

// UserOf is the user that the pod says for a container; nil if it says none.
func (s *Spec) UserOf(c *Container) *int64 {
	if c.SecurityContext != nil && c.SecurityContext.RunAsUser != nil {
		return c.SecurityContext.RunAsUser
	}
	return s.User()
}

// Ports says which container of the app listens on which TCP port, as far as the pod
// says so.
func (s *Spec) Ports() map[int32]string {
	taken := map[int32]string{}
	for _, list := range [][]Container{s.InitContainers, s.Containers} {
		for i := range list {
			for _, p := range list[i].Ports {
				if !Reserved(list[i].Name) && (p.Protocol == "" || p.Protocol == corev1.ProtocolTCP) {
					taken[p.ContainerPort] = fmt.Sprintf("container %q", list[i].Name)
				}
			}
		}
	}
	return taken
}

// Grants is how long the probe lets a container take before it is killed. Values that are left
// out are the API server's: every 10 seconds, 3 times.
func (p *Probe) Grants() time.Duration {
	const most = 1 << 30 // seconds, so that no pod overflows a duration
	seconds := int64(p.InitialDelaySeconds) + int64(cmp.Or(p.PeriodSeconds, 10))*int64(cmp.Or(p.FailureThreshold, 3))
	return time.Duration(min(seconds, most)) * time.Second
}

// StorageLimited reports whether a container of the app has a limit of ephemeral-storage, and is
// the smallest that one of those requests.
func (s *Spec) StorageLimited() (least resource.Quantity, limited bool) {
	const name = corev1.ResourceEphemeralStorage
	for _, list := range [][]Container{s.InitContainers, s.Containers} {
		for i := range list {
			request, has := list[i].Resources.Limits[name]
			if !has || request.IsZero() || Reserved(list[i].Name) {
				continue
			}
			if own, has := list[i].Resources.Requests[name]; has { // else it is the limit
				request = own
			}
			if !limited || request.Cmp(least) < 0 {
				least, limited = request, true
			}
		}
	}
	return least, limited
}

// InitContainer is the index of an init container, or -1.
func (s *Spec) InitContainer(name string) int {
	for i := range s.InitContainers {
		if s.InitContainers[i].Name == name {
			return i
		}
	}
	return -1
}

// Volume is the volume of a name; one that is of no kind if there is none.
func (s *Spec) Volume(name string) *Volume {
	for i := range s.Volumes {
		if s.Volumes[i].Name == name {
			return &s.Volumes[i]
		}
	}
	return &Volume{Name: name}
}

// Find finds a container or an init container by its name.
func (s *Spec) Find(name string) (Target, bool) {
	for i := range s.Containers {
		if s.Containers[i].Name == name {
			return Target{Ref{Index: i}, &s.Containers[i]}, true
		}
	}
	for i := range s.InitContainers {
		if s.InitContainers[i].Name == name {
			return Target{Ref{Init: true, Index: i}, &s.InitContainers[i]}, true
		}
	}
	return Target{}, false
}

// Names are those of the containers and init containers of the app.
func (s *Spec) Names() []string {
	names := make([]string, 0, s.Apps())
	for _, list := range [][]Container{s.Containers, s.InitContainers} {
		for i := range list {
			if !Reserved(list[i].Name) {
				names = append(names, list[i].Name)
			}
		}
	}
	return names
}

// Apps counts the containers and init containers of the app.
func (s *Spec) Apps() int {
	n := 0
	for _, list := range [][]Container{s.Containers, s.InitContainers} {
		for i := range list {
			if !Reserved(list[i].Name) {
				n++
			}
		}
	}
	return n
}

// Sysctl is the value that the pod itself sets.
func (s *Spec) Sysctl(name string) (value string, set bool) {
	if s.SecurityContext == nil {
		return "", false
	}
	for _, have := range s.SecurityContext.Sysctls {
		if strings.ReplaceAll(have.Name, "/", ".") == name {
			return have.Value, true
		}
	}
	return "", false
}

// Vars are the environment variables of a container; absent means that it has no list of them.
func (c *Container) Vars() (vars []EnvVar, absent bool) {
	if len(c.Env) == 0 || c.Env.Kind() == 'n' {
		return nil, true
	}
	_ = json.Unmarshal(c.Env, &vars) // the API server has decoded it
	return vars, false
}
