// SPDX-License-Identifier: Apache-2.0

// Package defined makes a helper of what a platform team writes in a file of kind Helper: its
// options, its container and its volumes. There are no templates: a value is a literal, or an
// option with an optional literal prefix, and becomes one whole argument, variable, path or name.
package defined

import (
	"encoding/json"
	"fmt"
	"slices"
)

// APIVersion and Kind are what every definition begins with.
const (
	APIVersion = "pillion.dev/v1alpha1"
	Kind       = "Helper"
)

// Definition is one file.
type Definition struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       Spec     `json:"spec"`
}

// Metadata names the helper. Its annotations are NAME.pillion.dev/OPTION.
type Metadata struct {
	Name string `json:"name"`
}

// Spec is what pods can ask of the helper and what it adds to them.
type Spec struct {
	// Description says in a sentence or two what the helper does.
	Description string `json:"description"`
	// Options are what a pod can set.
	Options []Option `json:"options,omitempty"`
	// Volumes are those that the helper's container mounts.
	Volumes []Volume `json:"volumes,omitempty"`
	// Run is Sidecar, beside the app, or Init, before it.
	Run string `json:"run"`
	// Single says that a pod has one of it at most, so that there are no instances.
	Single bool `json:"single,omitempty"`
	// Position is first or last (the default) among the init containers, or an option of it.
	Position *Value `json:"position,omitempty"`
	// Wait says whether the app starts only after the startupProbe has succeeded: true (the
	// default), false, or an option of type boolean. It is for sidecars.
	Wait *Value `json:"wait,omitempty"`
	// Privileges are what the helper needs beyond Pod Security's restricted: token, root,
	// writable-root, capability:NAME. A policy has to allow each.
	Privileges []string `json:"privileges,omitempty"`
	// Container is the one that runs.
	Container Container `json:"container"`
	// AppEnv are variables for the app's containers that do not have them.
	AppEnv []AppEnv `json:"appEnv,omitempty"`
}

// Option is one thing that a pod can set.
type Option struct {
	// Name is the part of the annotation key behind the slash.
	Name string `json:"name"`
	// Type is string, url, port, list, boolean, choice, integer, duration, size, absolute path,
	// relative path, file name, object name, container names, time zone, git ref or repository URL.
	Type string `json:"type"`
	// Of is the type of a list's elements.
	Of string `json:"of,omitempty"`
	// Required says that a pod without a value is denied.
	Required bool `json:"required,omitempty"`
	// Default is used when neither the pod nor the policy says anything.
	Default *Scalar `json:"default,omitempty"`
	// Min is the minimum of a number, a duration, a size or a port.
	Min *Scalar `json:"min,omitempty"`
	// Max is the maximum.
	Max *Scalar `json:"max,omitempty"`
	// Choices are the words of a choice.
	Choices []Scalar `json:"choices,omitempty"`
	// Pattern is a regular expression (RE2) for the whole of a string.
	Pattern string `json:"pattern,omitempty"`
	// MaxLength bounds a string, in bytes.
	MaxLength int64 `json:"maxLength,omitempty"`
	// MaxItems bounds a list.
	MaxItems int64 `json:"maxItems,omitempty"`
	// Example is a value that is right.
	Example Scalar `json:"example"`
	// Description is a sentence for the reference.
	Description string `json:"description"`
}

// Volume is a volume that the helper's container mounts. It has one source.
type Volume struct {
	// Name is by which mounts know the volume.
	Name string `json:"name"`
	// EmptyDir is a volume that begins empty and ends with the pod.
	EmptyDir *EmptyDir `json:"emptyDir,omitempty"`
	// Secret is one of the pod's namespace.
	Secret *Object `json:"secret,omitempty"`
	// ConfigMap is one of the pod's namespace.
	ConfigMap *Object `json:"configMap,omitempty"`
	// App is where the app's containers see an emptyDir.
	App *App `json:"app,omitempty"`
}

// EmptyDir is a volume that begins empty.
type EmptyDir struct {
	// Medium is Disk (the default) or Memory.
	Medium string `json:"medium,omitempty"`
	// SizeLimit is how much it holds, or an option of type size.
	SizeLimit *Value `json:"sizeLimit"`
}

// Object is a Secret or ConfigMap of the pod's namespace.
type Object struct {
	// Name is its name, or an option of type object name. Without a value there is no volume.
	Name Value `json:"name"`
	// Keys are those that the helper needs; the kubelet names one that is missing. Without keys all are mounted.
	Keys []string `json:"keys,omitempty"`
}

// App is where the app's containers see a volume.
type App struct {
	// MountPath is the path, or an option of type absolute path.
	MountPath Value `json:"mountPath"`
	// ReadOnly keeps the app from writing.
	ReadOnly bool `json:"readOnly,omitempty"`
}

// Container is the helper's container.
type Container struct {
	// Image is its image, unless a policy has another.
	Image string `json:"image"`
	// Command replaces the entrypoint of the image.
	Command []Value `json:"command,omitempty"`
	// Args are arguments. An option that is unset leaves its argument out; a list gives one for each element.
	Args []Value `json:"args,omitempty"`
	// Env are its variables.
	Env []Env `json:"env,omitempty"`
	// Mounts are where it sees the volumes.
	Mounts []Mount `json:"mounts,omitempty"`
	// Ports are those on which it listens.
	Ports []Port `json:"ports,omitempty"`

	// StartupProbe tells when the helper is up; what comes after it in the pod waits for that.
	StartupProbe *Probe `json:"startupProbe,omitempty"`
	// ReadinessProbe reports whether the helper, and with it the pod, is ready.
	ReadinessProbe *Probe `json:"readinessProbe,omitempty"`
	// LivenessProbe reports whether the helper has to be restarted.
	LivenessProbe *Probe `json:"livenessProbe,omitempty"`
	// PreStop runs before the container is stopped.
	PreStop *PreStop `json:"preStop,omitempty"`
	// GracePeriodSeconds is how long the helper takes to stop, preStop included, from 1 to 3600. The
	// grace period is the pod's, and the app uses it first: a pod that has less gets a warning.
	GracePeriodSeconds int64 `json:"gracePeriodSeconds,omitempty"`
	// Resources are requests and limits of cpu and memory; all four have to be there.
	Resources Resources `json:"resources"`
	// RunAsUser is the user that the image needs, if it is not the policy's.
	RunAsUser int64 `json:"runAsUser,omitempty"`
	// TerminationMessagePolicy is FallbackToLogsOnError (the default) or File.
	TerminationMessagePolicy string `json:"terminationMessagePolicy,omitempty"`
}

// Env is a variable of the helper's container. It has one of value, option and fieldRef.
type Env struct {
	// Name is the name of the variable.
	Name string `json:"name"`
	// Value is a literal.
	Value *Scalar `json:"value,omitempty"`
	// Prefix is a literal in front of the option's value.
	Prefix string `json:"prefix,omitempty"`
	// Option is the option whose value it has. One that is unset leaves the variable out.
	Option string `json:"option,omitempty"`
	// FieldRef is a field of the pod, such as metadata.name.
	FieldRef string `json:"fieldRef,omitempty"`
}

// AppEnv is a variable of the app's containers. It has one of value and option.
type AppEnv struct {
	// Name is the name of the variable. A container that has it with another value denies the pod.
	Name string `json:"name"`
	// Value is a literal.
	Value *Scalar `json:"value,omitempty"`
	// Prefix is a literal in front of the option's value.
	Prefix string `json:"prefix,omitempty"`
	// Option is the option whose value it has. One that is unset leaves the variable out.
	Option string `json:"option,omitempty"`
}

// Mount is where the helper's container sees a volume.
type Mount struct {
	// Volume is the name of a volume of the definition.
	Volume string `json:"volume"`
	// Path is a literal. No option stands here.
	Path string `json:"path"`
	// ReadOnly keeps the helper from writing. Secrets and ConfigMaps always are.
	ReadOnly bool `json:"readOnly,omitempty"`
}

// Port is one on which the helper listens.
type Port struct {
	// Name is a name for the port.
	Name string `json:"name,omitempty"`
	// Port is a number, or an option of type port.
	Port Value `json:"port"`
	// Protocol is TCP (the default) or UDP.
	Protocol string `json:"protocol,omitempty"`
}

// Probe is a probe of the helper's container. It has one handler.
type Probe struct {
	// HTTPGet is a request to a port of the helper.
	HTTPGet *HTTPGet `json:"httpGet,omitempty"`
	// TCPSocket is a connection to a port of the helper.
	TCPSocket *TCPSocket `json:"tcpSocket,omitempty"`
	// Exec is a program in the helper's container.
	Exec *Exec `json:"exec,omitempty"`

	// InitialDelaySeconds is how long to wait before the first probe (0).
	InitialDelaySeconds int32 `json:"initialDelaySeconds,omitempty"`
	// PeriodSeconds is how often to probe (10).
	PeriodSeconds int32 `json:"periodSeconds,omitempty"`
	// TimeoutSeconds is how long a probe may take (1).
	TimeoutSeconds int32 `json:"timeoutSeconds,omitempty"`
	// FailureThreshold is how many failures in a row are one (3).
	FailureThreshold int32 `json:"failureThreshold,omitempty"`
}

// HTTPGet is a request to a port of the helper.
type HTTPGet struct {
	// Path is the path of the request.
	Path string `json:"path"`
	// Port is the number or name of one of the container's ports, or the option that it has.
	Port Value `json:"port"`
}

// TCPSocket is a connection to a port of the helper.
type TCPSocket struct {
	// Port is the number or name of one of the container's ports, or the option that it has.
	Port Value `json:"port"`
}

// Exec is a program in the helper's container.
type Exec struct {
	// Command is the program and its arguments.
	Command []Value `json:"command"`
}

// PreStop is what is done before the container is stopped.
type PreStop struct {
	// Exec is a program in the helper's container.
	Exec *Exec `json:"exec,omitempty"`
	// Sleep waits.
	Sleep *Sleep `json:"sleep,omitempty"`
}

// Sleep waits.
type Sleep struct {
	// Seconds is how long, from 1 to 3600. The pod's terminationGracePeriodSeconds goes on meanwhile.
	Seconds int64 `json:"seconds"`
}

// Resources are requests and limits.
type Resources struct {
	// Requests are those of cpu and memory.
	Requests map[string]Scalar `json:"requests"`
	// Limits are those of cpu and memory.
	Limits map[string]Scalar `json:"limits"`
}

// Scalar is a string, a number or a boolean, as the file has it.
type Scalar string

// UnmarshalJSON takes a string, a number or a boolean.
func (s *Scalar) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case '"':
		return json.Unmarshal(data, (*string)(s))
	case '{', '[', 'n':
		return fmt.Errorf("a value must be a string, a number or a boolean, not %s", data)
	}
	*s = Scalar(data)
	return nil
}

// Value is a literal, or an option with an optional literal prefix.
type Value struct {
	Literal string `json:"-"`
	Prefix  string `json:"prefix,omitempty"`
	Option  string `json:"option"`
}

// UnmarshalJSON takes a scalar, or a mapping of prefix and option.
func (v *Value) UnmarshalJSON(data []byte) error {
	if data[0] == '{' {
		type mapping Value
		return json.Unmarshal(data, (*mapping)(v))
	}
	return (*Scalar)(&v.Literal).UnmarshalJSON(data)
}

// MarshalJSON writes what UnmarshalJSON reads.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.Option == "" {
		return json.Marshal(v.Literal)
	}
	type mapping Value
	return json.Marshal(mapping(v))
}

// reachesApp reports whether the containers of the app get something.
func reachesApp(s *Spec) bool {
	return len(s.AppEnv) > 0 || slices.ContainsFunc(s.Volumes, func(v Volume) bool { return v.App != nil })
}
