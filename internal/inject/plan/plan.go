// SPDX-License-Identifier: Apache-2.0

// Package plan says what may be added to a pod, as a type, and makes of it the JSON patch that
// the API server applies and the pod that results.
package plan

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// Plan says what to add to a pod. Its types can express additions, the renewal of
// what is ours (by a reserved name, or by the path of our program in front of a
// command), and nothing else: no field of the plan can remove, reorder or edit what a
// user wrote.
//
// Indexes are those of the pod that was decided on, before anything is added.
type Plan struct {
	Containers  []Container
	Volumes     []Volume
	Mounts      []Mount
	Commands    []Wrap
	HugePages   []HugePages
	Env         []Env
	Settings    Settings
	PullSecrets []corev1.LocalObjectReference
	Annotations []Annotation
}

// Insert as an index means that a thing is new.
const Insert = -1

// Container is a helper: a native sidecar if it has a restartPolicy, a plain init
// container otherwise.
type Container struct {
	Container corev1.Container
	First     bool // before all other init containers instead of behind them
	Renew     int  // index of the init container of the same reserved name, or Insert
}

// Volume is one volume.
type Volume struct {
	Volume corev1.Volume
	Renew  int // index of the volume of the same reserved name, or Insert
}

// Mount is one volume mount in a container of the app.
type Mount struct {
	Container pod.Ref
	Mount     corev1.VolumeMount
	Renew     int // index of a mount of the same reserved volume at the same path, or Insert
}

// Wrap puts words in front of the command of a container of the app, all of
// whose own words stay as they are.
type Wrap struct {
	Container pod.Ref
	Wrapper   []string
	Renew     int // how many words in front are an earlier wrapper of ours, which goes; 0 for none
}

// Env is an environment variable that a container of the app does not have yet.
type Env struct {
	Container pod.Ref
	Var       corev1.EnvVar
}

// HugePages is a limit that a container of the app does not have yet.
type HugePages struct {
	Container pod.Ref
	Resource  corev1.ResourceName // "hugepages-2Mi"
	Limit     resource.Quantity
}

// Settings are settings of the pod as a whole that it does not have yet.
type Settings struct {
	ShareProcesses bool            // shareProcessNamespace: true
	FSGroup        *int64          // securityContext.fsGroup
	Sysctls        []corev1.Sysctl // behind those of securityContext.sysctls
}

// empty reports whether there is nothing to set.
func (s *Settings) empty() bool {
	return !s.ShareProcesses && s.FSGroup == nil && len(s.Sysctls) == 0
}

// Annotation is one annotation, with the value that it gets.
type Annotation struct{ Key, Value string }

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool {
	lists := len(p.Containers) + len(p.Volumes) + len(p.Mounts) + len(p.Commands) + len(p.HugePages) + len(p.Env) + len(p.PullSecrets) + len(p.Annotations)
	return lists == 0 && p.Settings.empty()
}

// Renewed names the containers and volumes that bore a reserved name and were not
// what policy says today.
func (p *Plan) Renewed() []string {
	var names []string
	for i := range p.Containers {
		if p.Containers[i].Renew != Insert {
			names = append(names, p.Containers[i].Container.Name)
		}
	}
	for i := range p.Volumes {
		if p.Volumes[i].Renew != Insert {
			names = append(names, p.Volumes[i].Volume.Name)
		}
	}
	return names
}
