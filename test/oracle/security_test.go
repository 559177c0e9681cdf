// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

func (s *source) podSecurity() *corev1.PodSecurityContext {
	switch s.below(8) {
	case 0:
		return &corev1.PodSecurityContext{}
	case 1, 2, 3:
		return &corev1.PodSecurityContext{RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}}
	case 4:
		return &corev1.PodSecurityContext{RunAsUser: new(int64(0)), RunAsGroup: maybe(s, int64(0)), FSGroup: maybe(s, int64(2000)), SupplementalGroups: []int64{1}}
	case 5:
		return &corev1.PodSecurityContext{SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined}, Sysctls: []corev1.Sysctl{{Name: "net.ipv4.ip_unprivileged_port_start", Value: "0"}}}
	case 6:
		return &corev1.PodSecurityContext{AppArmorProfile: &corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeUnconfined}, SELinuxOptions: &corev1.SELinuxOptions{Level: "s0:c1"}}
	}
	return nil
}

func (s *source) security() *corev1.SecurityContext {
	switch s.below(8) {
	case 0, 1, 2, 3:
		return &corev1.SecurityContext{AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}
	case 4:
		return &corev1.SecurityContext{Privileged: new(true)}
	case 5:
		return &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_ADMIN"}}, RunAsUser: maybe(s, int64(0), int64(1000))}
	}
	return nil
}

// resources are sometimes none, sometimes odd in form, often in no class but Burstable.
func (s *source) resources() corev1.ResourceRequirements {
	list := func() corev1.ResourceList {
		if s.percent(40) {
			return nil
		}
		l := corev1.ResourceList{}
		if s.percent(70) {
			l[corev1.ResourceCPU] = resource.MustParse(pick(s, "100m", "0.1", "1", "1000m", "0"))
		}
		if s.percent(70) {
			l[corev1.ResourceMemory] = resource.MustParse(pick(s, "64Mi", "67108864", "1Gi", "1e9", "0"))
		}
		if s.percent(5) {
			l["hugepages-2Mi"] = resource.MustParse("4Mi")
		}
		if s.percent(10) {
			l[corev1.ResourceEphemeralStorage] = resource.MustParse("1Gi")
		}
		return l
	}
	r := corev1.ResourceRequirements{Requests: list(), Limits: list()}
	for name, limit := range r.Limits {
		if request := r.Requests[name]; request.Cmp(limit) > 0 {
			r.Requests[name] = limit
		}
	}
	return r
}

// guarantee puts the pod into the Guaranteed class, in one of the ways there are.
func (s *source) guarantee(spec *corev1.PodSpec) {
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			limits := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(pick(s, "500m", "2")), corev1.ResourceMemory: resource.MustParse("256Mi")}
			list[i].Resources = corev1.ResourceRequirements{Limits: limits}
			if s.percent(50) {
				list[i].Resources.Requests = limits.DeepCopy()
			}
		}
	}
}

// podResources are those of the pod as a whole.
func (s *source) podResources() *corev1.ResourceRequirements {
	list := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("8"), corev1.ResourceMemory: resource.MustParse("8Gi")}
	switch s.below(5) {
	case 0:
		return &corev1.ResourceRequirements{}
	case 1:
		return &corev1.ResourceRequirements{Requests: list, Limits: list.DeepCopy()}
	case 2:
		return &corev1.ResourceRequirements{Limits: list}
	case 3:
		return &corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")}, Limits: list}
	}
	small := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2m"), corev1.ResourceMemory: resource.MustParse("16Mi")}
	return &corev1.ResourceRequirements{Requests: small, Limits: small.DeepCopy()}
}

// squat gives something in the pod one of Pillion's names.
func (s *source) squat(pod *corev1.Pod) {
	spec := &pod.Spec
	for range 1 + s.below(3) {
		switch s.below(6) {
		case 0, 1:
			spec.Volumes = append(spec.Volumes, s.volume(pick(s, reservedNames...)))
		case 2:
			c := s.container(pick(s, reservedNames...), spec.Volumes, true)
			spec.InitContainers = append([]corev1.Container{c}, spec.InitContainers...)
		case 3:
			spec.InitContainers = append(spec.InitContainers, s.container(pick(s, reservedNames...), spec.Volumes, true))
		case 4:
			spec.Containers = append(spec.Containers, s.container(pick(s, reservedNames...), spec.Volumes, false))
		case 5:
			if len(spec.Volumes) > 0 {
				s.mount(&spec.Containers[0], spec.Volumes[len(spec.Volumes)-1])
			}
		}
	}
}
