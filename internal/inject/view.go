// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Pod is a view of a pod: exactly the fields that Pillion looks at. What is not in
// it cannot influence the answer, cannot be harmed by it, and need not be decoded;
// a field newer than the Kubernetes libraries in use passes by untouched.
//
// A nil slice or map means that the field is absent or null, which decides how it is
// patched.
type Pod struct {
	Metadata Metadata `json:"metadata"`
	Spec     Spec     `json:"spec"`

	// Kubelet is the node whose kubelet creates the pod, as the review says it, not the
	// pod; "" for everybody else.
	Kubelet string `json:"-"`
}

// mirrors tells whether the pod is the image of a static pod, which runs already, and not
// a pod that somebody marked as one. Kubelets create nothing else, and on their own node
// alone (k8s.io/kubernetes, plugin/pkg/admission/noderestriction, admitPodCreate). A pod
// that is marked and has no static pod behind it is never run: the kubelet passes over it
// and deletes it (pkg/kubelet, HandlePodAdditions and HandlePodCleanups). But that is the
// kubelet's to know, and no reason to let a mark opt a pod out of what a policy requires.
func (p *Pod) mirrors() bool {
	_, marked := p.Metadata.Annotations[mirrorAnnotation]
	return marked && p.Kubelet != "" && p.Kubelet == p.Spec.NodeName
}

// Metadata is the view of a pod's metadata.
type Metadata struct {
	GenerateName string            `json:"generateName"` // for the log line
	Annotations  map[string]string `json:"annotations"`

	// Absent means that there is no metadata to put annotations into, as in a pod template
	// that is nothing but a spec. Whoever decodes the view fills it in.
	Absent bool `json:"-"`
}

// Spec is the view of a pod's spec.
type Spec struct {
	InitContainers   []Container                   `json:"initContainers"`
	Containers       []Container                   `json:"containers"`
	Volumes          []Volume                      `json:"volumes"`
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets"`
	NodeSelector     map[string]string             `json:"nodeSelector"`
	NodeName         string                        `json:"nodeName"`
	OS               *corev1.PodOS                 `json:"os"`
	HostNetwork      bool                          `json:"hostNetwork"`
	HostPID          bool                          `json:"hostPID"`
	HostIPC          bool                          `json:"hostIPC"`
	RestartPolicy    string                        `json:"restartPolicy"`
	RuntimeClassName *string                       `json:"runtimeClassName"`
	SecurityContext  *PodSecurity                  `json:"securityContext"`
	Resources        *corev1.ResourceRequirements  `json:"resources"` // of the pod as a whole

	ShareProcessNamespace *bool `json:"shareProcessNamespace"`
}

// PodSecurity is the view of a pod's security context.
type PodSecurity struct {
	RunAsUser          *int64          `json:"runAsUser"`
	FSGroup            *int64          `json:"fsGroup"`
	SupplementalGroups []int64         `json:"supplementalGroups"`
	Sysctls            []corev1.Sysctl `json:"sysctls"`
}

// Container is the view of a container or an init container.
type Container struct {
	Name          string                      `json:"name"`
	RestartPolicy string                      `json:"restartPolicy"`
	Command       []string                    `json:"command"`
	VolumeMounts  []VolumeMount               `json:"volumeMounts"`
	VolumeDevices []corev1.VolumeDevice       `json:"volumeDevices"`
	Ports         []corev1.ContainerPort      `json:"ports"`
	Resources     corev1.ResourceRequirements `json:"resources"`

	TerminationMessagePath string `json:"terminationMessagePath"`

	LivenessProbe   *struct{}          `json:"livenessProbe"`
	StartupProbe    *struct{}          `json:"startupProbe"`
	SecurityContext *ContainerSecurity `json:"securityContext"`

	// Raw is the container's whole JSON. Whoever decodes the view fills it in for
	// containers with a reserved name, and only for those: see [Reserved].
	Raw json.RawMessage `json:"-"`
}

// ContainerSecurity is the view of a container's security context.
type ContainerSecurity struct {
	RunAsUser *int64 `json:"runAsUser"`
}

// VolumeMount is the view of a volume mount. Only mounts of reserved volumes are
// ever compared as a whole, and those are of fields listed here.
type VolumeMount struct {
	Name             string  `json:"name"`
	MountPath        string  `json:"mountPath"`
	ReadOnly         bool    `json:"readOnly"`
	SubPath          string  `json:"subPath"`
	SubPathExpr      string  `json:"subPathExpr"`
	MountPropagation *string `json:"mountPropagation"`
}

// Volume is the view of a volume: what kind it is, as far as that matters.
type Volume struct {
	Name        string                       `json:"name"`
	EmptyDir    *corev1.EmptyDirVolumeSource `json:"emptyDir"`
	ConfigMap   *struct{}                    `json:"configMap"`
	Secret      *struct{}                    `json:"secret"`
	Projected   *struct{}                    `json:"projected"`
	DownwardAPI *struct{}                    `json:"downwardAPI"`
	Image       *struct{}                    `json:"image"`

	// Sources that can be read-only by themselves.
	PersistentVolumeClaim *ReadOnlySource `json:"persistentVolumeClaim"`
	NFS                   *ReadOnlySource `json:"nfs"`
	CSI                   *ReadOnlySource `json:"csi"`

	// Raw is the volume's whole JSON, filled in as [Container].Raw is.
	Raw json.RawMessage `json:"-"`
}

// ReadOnlySource is the view of a volume source that may be read-only.
type ReadOnlySource struct {
	ReadOnly bool `json:"readOnly"`
}

// ReservedPrefix begins the names of all containers and volumes that Pillion adds.
const ReservedPrefix = "pillion-"

// Reserved tells whether a container or volume name is one of Pillion's.
func Reserved(name string) bool { return strings.HasPrefix(name, ReservedPrefix) }

// kind names the volume's type for an error text.
func (v *Volume) kind() string {
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

// fixed tells whether nothing but the kubelet writes to the volume, so that a container
// runtime cannot make a mount point inside it.
func (v *Volume) fixed() bool {
	if v.ConfigMap != nil || v.Secret != nil || v.Projected != nil || v.DownwardAPI != nil || v.Image != nil {
		return true
	}
	return slices.ContainsFunc([]*ReadOnlySource{v.PersistentVolumeClaim, v.NFS, v.CSI}, func(s *ReadOnlySource) bool { return s != nil && s.ReadOnly })
}

// restartable tells whether an init container is a native sidecar.
func (c *Container) restartable() bool {
	return c.RestartPolicy == string(corev1.ContainerRestartPolicyAlways)
}

// windows tells whether the pod says that it runs on Windows.
func (s *Spec) windows() bool {
	if s.OS != nil {
		return s.OS.Name == corev1.Windows
	}
	return s.NodeSelector[corev1.LabelOSStable] == string(corev1.Windows) ||
		s.NodeSelector["beta.kubernetes.io/os"] == string(corev1.Windows)
}

// guaranteed tells whether the app's containers put the pod into the Guaranteed QoS
// class: each has CPU and memory limits and requests that equal them.
func (s *Spec) guaranteed() bool {
	if r := s.Resources; r != nil && len(r.Requests)+len(r.Limits) > 0 { // these decide, see builder.resources
		return false
	}
	for _, list := range [][]Container{s.InitContainers, s.Containers} {
		for i := range list {
			if !Reserved(list[i].Name) && !guaranteed(list[i].Resources) {
				return false
			}
		}
	}
	return true
}

func guaranteed(r corev1.ResourceRequirements) bool {
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

// ports says which container of the app listens on which TCP port, as far as the pod
// says so.
func (s *Spec) ports() map[int32]string {
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
