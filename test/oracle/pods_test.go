// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	podview "github.com/pillion-dev/pillion/internal/inject/pod"
)

// paths are where containers mount things, and where annotations want the content.
var paths = []string{
	"/html", "/srv/site", "/srv", "/srv/site/sub", "/html/", "/data", "/etc/app", "/var/run/secrets/kubernetes.io/serviceaccount",
	"/dev/shm", "/run/ipc", "/.pillion/bin", "/dev", "/pillion/content", "/srv/$(HOME)", "/a b", "relative", "//srv//site", "/srv/./site", "/srv/../html", "/",
}

// reservedNames are names that Pillion uses, and some that only look like it.
var reservedNames = []string{
	"pillion-git-poller", "pillion-date-writer", "pillion-no-token", "pillion-git-poller-docs", "pillion-auth-git-poller",
	"pillion-ipc-init", "pillion-ipc-init-1000", "pillion-install", "pillion-bin", "pillion-run", "pillion-ipc-shm", "pillion-ipc-socket",
	"pillion-ca-git-poller", "pillion-x", "pillion", "pillions",
}

// pod is a random pod. Most are valid.
func (s *source) pod() *corev1.Pod {
	pod := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name: "web", Namespace: "site", Annotations: s.annotations(),
			Labels: pick(s, nil, map[string]string{}, map[string]string{"app": "web"}),
		},
		Spec: corev1.PodSpec{
			RestartPolicy:                 pick(s, "", corev1.RestartPolicyAlways, corev1.RestartPolicyNever, corev1.RestartPolicyOnFailure),
			TerminationGracePeriodSeconds: maybe(s, int64(0), int64(5)),
			ActiveDeadlineSeconds:         maybe(s, int64(60)),
			DNSPolicy:                     pick(s, "", corev1.DNSClusterFirst, corev1.DNSDefault),
			NodeSelector:                  s.nodeSelector(),
			ServiceAccountName:            pick(s, "", "default"),
			AutomountServiceAccountToken:  maybe(s, true, false),
			HostNetwork:                   s.percent(5),
			HostPID:                       s.percent(4),
			HostIPC:                       s.percent(4),
			ShareProcessNamespace:         maybe(s, true, false),
			SecurityContext:               s.podSecurity(),
			ImagePullSecrets:              pick(s, nil, nil, []corev1.LocalObjectReference{}, []corev1.LocalObjectReference{{Name: "acme-registry"}}, []corev1.LocalObjectReference{{Name: "pillion-registry"}}),
			SchedulerName:                 pick(s, "", "other-scheduler"),
			Tolerations:                   pick(s, nil, []corev1.Toleration{{Operator: corev1.TolerationOpExists}}),
			HostAliases:                   pick(s, nil, []corev1.HostAlias{{IP: "127.0.0.1", Hostnames: []string{"db"}}}),
			EnableServiceLinks:            maybe(s, true, false),
			SetHostnameAsFQDN:             maybe(s, true, false),
		},
	}
	spec := &pod.Spec
	switch s.below(20) {
	case 0:
		if s.percent(50) {
			spec.OS = &corev1.PodOS{Name: corev1.Windows}
		}
	case 1, 2:
		spec.OS = &corev1.PodOS{Name: corev1.Linux}
	case 3:
		spec.HostUsers = new(false)
	case 4:
		spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "example.com/gate"}}
	case 5:
		spec.ResourceClaims = []corev1.PodResourceClaim{{Name: "gpu", ResourceClaimName: new("gpu")}}
	case 6:
		spec.Overhead = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m")}
		spec.RuntimeClassName = new("gvisor")
	case 7:
		spec.NodeName = "node-1"
		if pod.Annotations != nil && s.percent(50) {
			pod.Annotations["kubernetes.io/config.mirror"] = "x"
		}
	}
	for i := range s.below(6) {
		spec.Volumes = append(spec.Volumes, s.volume(fmt.Sprintf("v%d", i)))
	}
	for i := range s.below(4) {
		spec.InitContainers = append(spec.InitContainers, s.container(fmt.Sprintf("init-%d", i), spec.Volumes, true))
	}
	for i := range 1 + s.below(3) {
		spec.Containers = append(spec.Containers, s.container([]string{"web", "api", "app"}[i], spec.Volumes, false))
	}
	if s.percent(20) {
		s.guarantee(spec)
	}
	if s.percent(15) {
		spec.Resources = s.podResources()
	}
	if s.percent(25) {
		s.squat(pod)
	}
	if s.percent(25) {
		s.collide(pod)
	}
	if s.percent(85) {
		s.watched(pod)
	}
	return pod
}

// watched mounts volumes where an annotation wants them watched.
func (s *source) watched(pod *corev1.Pod) {
	for _, key := range slices.Sorted(maps.Keys(pod.Annotations)) {
		if !strings.HasSuffix(key, "config-reloader.pillion.dev/watch") {
			continue
		}
		if len(pod.Spec.Volumes) == 0 {
			pod.Spec.Volumes = append(pod.Spec.Volumes, s.volume("v0"))
		}
		c := &pod.Spec.Containers[0]
		for at := range strings.SplitSeq(pod.Annotations[key], ",") {
			free := !slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == at })
			if strings.HasPrefix(at, "/") && at != "/" && free {
				c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: pick(s, pod.Spec.Volumes...).Name, MountPath: at})
			}
		}
	}
}

// ownVolume is the name that Pillion gives to the volume of the helper behind an annotation.
func ownVolume(key string) string {
	parts := strings.Split(strings.TrimSuffix(key, ".pillion.dev/mount-path"), ".")
	slices.Reverse(parts)
	return podview.ReservedPrefix + strings.Join(parts, "-")
}

// collide mounts volumes where an annotation wants the content, in other spellings.
func (s *source) collide(pod *corev1.Pod) {
	for _, key := range slices.Sorted(maps.Keys(pod.Annotations)) {
		at := pod.Annotations[key]
		if !strings.HasSuffix(key, "/mount-path") || !strings.HasPrefix(at, "/") || len(pod.Spec.Volumes) == 0 {
			continue
		}
		names := []string{pick(s, pod.Spec.Volumes...).Name}
		if own := ownVolume(key); s.percent(40) && !slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == own }) {
			pod.Spec.Volumes = append(pod.Spec.Volumes, s.volume(own))
			names = append(names, own)
		}
		c := &pod.Spec.Containers[s.below(len(pod.Spec.Containers))]
		for range 1 + s.below(2) {
			m := corev1.VolumeMount{Name: pick(s, names...), MountPath: pick(s, at, at, at+"/", "/"+at, at[1:]), ReadOnly: s.percent(20)}
			if !slices.ContainsFunc(c.VolumeMounts, func(have corev1.VolumeMount) bool { return have.MountPath == m.MountPath }) {
				c.VolumeMounts = append(c.VolumeMounts, m)
			}
		}
	}
}

func (s *source) nodeSelector() map[string]string {
	switch s.below(20) {
	case 0:
		return map[string]string{"kubernetes.io/os": "windows"}
	case 1, 2:
		return map[string]string{"kubernetes.io/os": "linux", "a.b/c_d": ""}
	case 3:
		return map[string]string{}
	}
	return nil
}

func (s *source) container(name string, volumes []corev1.Volume, init bool) corev1.Container {
	c := corev1.Container{
		Name: name, Image: pick(s, "nginx:1.29", "acme/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "busybox"),
		Command:         s.command(),
		Args:            pick(s, nil, []string{}, []string{"--flag=$(A)", "<&>"}),
		Env:             pick(s, nil, []corev1.EnvVar{{Name: "A", Value: "canary"}, {Name: "B", Value: "$(A)"}}),
		WorkingDir:      pick(s, "", "/srv"),
		Resources:       s.resources(),
		SecurityContext: s.security(),
		ImagePullPolicy: pick(s, "", corev1.PullAlways, corev1.PullNever),
		TTY:             s.percent(5),
	}
	if init && s.percent(40) {
		c.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
	}
	if !init || c.RestartPolicy != nil {
		c.StartupProbe, c.ReadinessProbe, c.LivenessProbe = s.probe(), s.probe(), s.probe()
		if s.percent(10) {
			c.Ports = []corev1.ContainerPort{{ContainerPort: int32(8000 + s.below(5))}}
		}
	}
	for range s.below(3) {
		if len(volumes) > 0 {
			s.mount(&c, pick(s, volumes...))
		}
	}
	return c
}

// command is none, one of the app's own, or one that was or looks wrapped.
func (s *source) command() []string {
	const program = "/.pillion/bin/pillion-helper"
	own := []string{"/bin/sh", "-c", "echo $(A) $$(B)"}
	switch s.below(10) {
	case 0, 1, 2:
		return nil
	case 3:
		return append([]string{program, "run", "--wait=mqueue:/a", "--timeout=5m0s", "--"}, own...)
	case 4:
		return append([]string{program, "run", "--more", "--umask=0002", "--"}, append(own, "--", "x")...)
	case 5:
		return pick(s, []string{program}, []string{program, "run"}, []string{program, "run", "--"}, []string{program, "run", "x", "--", "y"}, []string{program, "probe", "--", "y"})
	}
	return own
}

func (s *source) mount(c *corev1.Container, v corev1.Volume) {
	path := pick(s, paths...)
	for _, m := range c.VolumeMounts {
		if m.MountPath == path || (v.PersistentVolumeClaim != nil && m.Name == v.Name) {
			return
		}
	}
	for _, d := range c.VolumeDevices {
		if d.DevicePath == path || d.Name == v.Name {
			return
		}
	}
	if v.PersistentVolumeClaim != nil && s.percent(30) {
		c.VolumeDevices = append(c.VolumeDevices, corev1.VolumeDevice{Name: v.Name, DevicePath: path})
		return
	}
	m := corev1.VolumeMount{Name: v.Name, MountPath: path, ReadOnly: s.percent(30)}
	switch s.below(10) {
	case 0:
		m.SubPath = pick(s, "a", "a/b", "index.html")
	case 1:
		m.SubPathExpr = "$(A)"
	case 2:
		m.MountPropagation = new(pick(s, corev1.MountPropagationNone, corev1.MountPropagationHostToContainer))
	case 3:
		if m.ReadOnly {
			m.RecursiveReadOnly = new(pick(s, corev1.RecursiveReadOnlyDisabled, corev1.RecursiveReadOnlyIfPossible))
		}
	}
	c.VolumeMounts = append(c.VolumeMounts, m)
}

func (s *source) probe() *corev1.Probe {
	switch s.below(8) {
	case 0:
		return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromInt32(8080)}}}
	case 1:
		return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}}, PeriodSeconds: 3}
	}
	return nil
}

// volume is one of a kind that Kubernetes knows; emptyDirs are the likeliest.
func (s *source) volume(name string) corev1.Volume {
	v := corev1.Volume{Name: name}
	size := func() *resource.Quantity {
		return maybe(s, resource.MustParse("64Mi"), resource.MustParse("0.5Gi"), resource.MustParse("1e6"))
	}
	switch s.below(16) {
	default:
		v.EmptyDir = &corev1.EmptyDirVolumeSource{Medium: pick(s, "", corev1.StorageMediumMemory), SizeLimit: size()}
	case 0:
		v.HostPath = &corev1.HostPathVolumeSource{Path: pick(s, "/", "/var/log"), Type: maybe(s, corev1.HostPathUnset, corev1.HostPathDirectory)}
	case 1:
		v.Secret = &corev1.SecretVolumeSource{SecretName: "secret", Optional: maybe(s, true, false)}
	case 2:
		v.ConfigMap = &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "config"}, DefaultMode: maybe(s, int32(0o400))}
	case 3:
		v.Projected = &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{DownwardAPI: &corev1.DownwardAPIProjection{
			Items: []corev1.DownwardAPIVolumeFile{{Path: "labels", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels"}}},
		}}}}
	case 4:
		v.DownwardAPI = &corev1.DownwardAPIVolumeSource{Items: []corev1.DownwardAPIVolumeFile{{Path: "name", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}}}
	case 5, 6:
		v.PersistentVolumeClaim = &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "claim", ReadOnly: s.percent(20)}
	case 7:
		v.NFS = &corev1.NFSVolumeSource{Server: "nfs.example", Path: "/export"}
	case 8:
		v.CSI = &corev1.CSIVolumeSource{Driver: "csi.example", VolumeAttributes: map[string]string{"a/b~c": "d"}}
	case 9:
		v.Image = &corev1.ImageVolumeSource{Reference: "acme/content:1", PullPolicy: pick(s, "", corev1.PullAlways)}
	case 10:
		v.Ephemeral = &corev1.EphemeralVolumeSource{VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplate{Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		}}}
	case 11: // the kubelet's default for a volume that says nothing
	}
	return v
}
