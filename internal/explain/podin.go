// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// Seen is what a cluster knows of a pod besides the pod itself. All of it is optional.
type Seen struct {
	Events []corev1.Event    // of the pod, in any order
	Logs   map[string]string // the last lines of a container's log, by its name
}

// PodIn is a pod as it was read.
type PodIn struct {
	corev1.Pod
	status *inject.Status // nil if it has none that Pillion can have written
	view   *pod.Pod
	// Seen is what else the cluster knows of it.
	Seen Seen
}

// ReadPod decodes a pod.
func ReadPod(raw []byte) (*PodIn, error) {
	var p PodIn
	if err := json.Unmarshal(raw, &p.Pod); err != nil {
		return nil, fmt.Errorf("decoding a pod: %w", err)
	}
	var err error
	if p.view, err = pod.Decode(raw); err != nil {
		return nil, err
	}
	p.view.Kubelet = p.view.Spec.NodeName // of a pod that is there, the mark of a mirror is believed
	if text, has := p.Annotations[inject.StatusAnnotation]; has {
		p.status = readStatus(text)
	}
	return &p, nil
}

func reserved(c corev1.Container) bool { return pod.Reserved(c.Name) }

// Decision is what Pillion wrote into the pod: nil if it has not checked it, or if somebody
// else wrote there.
func (p *PodIn) Decision() *inject.Status { return p.status }

// Helpers names what is there of helpers: containers, and helpers that have none.
func (p *PodIn) Helpers() []string {
	names := []string{}
	for i := range p.Spec.InitContainers {
		if c := &p.Spec.InitContainers[i]; pod.Reserved(c.Name) {
			names = append(names, c.Name)
		}
	}
	if p.status != nil {
		for i := range p.status.Helpers {
			if h := &p.status.Helpers[i]; h.Container == "" && !slices.Contains(names, h.Helper) {
				names = append(names, h.Helper)
			}
		}
	}
	return names
}

// finished reports whether the pod has ended, so that nothing recreates it.
func finished(p *PodIn) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}
