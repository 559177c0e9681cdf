// SPDX-License-Identifier: Apache-2.0

// Package pod has the view of a pod: exactly the fields that Pillion looks at, how they are
// decoded, and the questions that are asked of them.
package pod

import (
	"encoding/json"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
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

// Metadata is the view of a pod's metadata.
type Metadata struct {
	GenerateName string `json:"generateName"` // for the log line
	// Annotations are Pillion's and the few others that are decided on.
	Annotations map[string]string `json:"annotations"`

	// Absent means that there is no metadata to put annotations into, as in a pod template
	// that is nothing but a spec. [Decode] fills it in.
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
	SecurityContext  *Security                     `json:"securityContext"`
	Resources        *corev1.ResourceRequirements  `json:"resources"` // of the pod as a whole

	ShareProcessNamespace         *bool  `json:"shareProcessNamespace"`
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds"`
}

// Security is the view of a pod's security context.
type Security struct {
	RunAsUser          *int64          `json:"runAsUser"`
	FSGroup            *int64          `json:"fsGroup"`
	SupplementalGroups []int64         `json:"supplementalGroups"`
	Sysctls            []corev1.Sysctl `json:"sysctls"`
	AppArmorProfile    *AppArmor       `json:"appArmorProfile"`
}

// AppArmor is the view of a pod's AppArmor profile.
type AppArmor struct {
	Type             string  `json:"type"`
	LocalhostProfile *string `json:"localhostProfile"`
}

// Container is the view of a container or an init container.
type Container struct {
	Name          string                 `json:"name"`
	RestartPolicy string                 `json:"restartPolicy"`
	Command       []string               `json:"command"`
	VolumeMounts  []VolumeMount          `json:"volumeMounts"`
	VolumeDevices []corev1.VolumeDevice  `json:"volumeDevices"`
	Ports         []corev1.ContainerPort `json:"ports"`
	// Env is the JSON of the variables, which few helpers ask for: see [Container.Vars].
	Env       jsontext.Value              `json:"env"`
	Resources corev1.ResourceRequirements `json:"resources"`

	TerminationMessagePath string `json:"terminationMessagePath"`

	LivenessProbe   *struct{}          `json:"livenessProbe"`
	StartupProbe    *Probe             `json:"startupProbe"`
	Lifecycle       *Lifecycle         `json:"lifecycle"`
	SecurityContext *ContainerSecurity `json:"securityContext"`

	// Raw is the container's whole JSON. [Decode] fills it in for
	// containers with a reserved name, and only for those: see [Reserved].
	Raw json.RawMessage `json:"-"`
}

// EnvVar is the view of one environment variable.
type EnvVar struct {
	Name      string    `json:"name"`
	Value     string    `json:"value"`
	ValueFrom *struct{} `json:"valueFrom"`
}

// Probe is the view of a probe: how long it lets a container take.
type Probe struct {
	InitialDelaySeconds int32 `json:"initialDelaySeconds"`
	PeriodSeconds       int32 `json:"periodSeconds"`
	FailureThreshold    int32 `json:"failureThreshold"`
}

// Lifecycle is the view of a container's hooks.
type Lifecycle struct {
	PostStart *struct{} `json:"postStart"`
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

// Reserved reports whether a container or volume name is one of Pillion's.
func Reserved(name string) bool { return strings.HasPrefix(name, ReservedPrefix) }

// Ref points at a container of the pod.
type Ref struct {
	Init  bool // in initContainers instead of containers
	Index int
}

// Target is a container of the app that takes part in a helper's work.
type Target struct {
	Ref
	*Container
}
