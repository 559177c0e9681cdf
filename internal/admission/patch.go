// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject"
)

// Patch turns a plan into RFC 6902 operations on the pod that was decided on. root is
// the JSON pointer of the pod or pod template in the document, "" for a pod.
//
// The order matters: what goes into containers, and renewals, go by the indexes of the
// pod as it is, so they come before init containers are inserted.
func Patch(pod *inject.Pod, plan *inject.Plan, root string) ([]Operation, error) {
	p := patcher{root: root}
	p.commands(pod, plan.Commands)
	p.hugePages(pod, plan.HugePages)
	p.settings(pod, &plan.Settings)
	p.mounts(pod, plan.Mounts)
	p.containers(pod, plan.Containers)
	p.volumes(pod, plan.Volumes)
	addAll(&p, pod.Spec.ImagePullSecrets == nil, plan.PullSecrets, "spec", "imagePullSecrets")
	p.annotations(pod, plan.Annotations)
	if p.err != nil {
		return nil, fmt.Errorf("writing the patch: %w", p.err)
	}
	return p.ops, nil
}

type patcher struct {
	root string
	ops  []Operation
	err  error // the first value that could not be written as JSON
}

func (p *patcher) op(operation string, value any, tokens ...string) {
	raw, err := json.Marshal(value)
	if err != nil && p.err == nil {
		p.err = err
	}
	p.ops = append(p.ops, Operation{Op: operation, Path: p.root + pointer(tokens...), Value: raw})
}

// addAll appends items to a list, which is made if it is absent: "add" at the end of
// a list that is not there fails the whole patch.
func addAll[T any](p *patcher, absent bool, items []T, list ...string) {
	if len(items) == 0 {
		return
	}
	if absent {
		p.op("add", items, list...)
		return
	}
	for _, item := range items {
		p.op("add", item, append(slices.Clip(list), "-")...)
	}
}

func (p *patcher) mounts(pod *inject.Pod, mounts []inject.HelperMount) {
	// What a container gets is kept together: a list that is absent is made once, with
	// all of its mounts.
	var order []inject.ContainerRef
	added := map[inject.ContainerRef][]any{}
	for i := range mounts {
		m := &mounts[i]
		if m.Renew != inject.Insert {
			p.op("replace", &m.Mount, in(m.Container, "volumeMounts", strconv.Itoa(m.Renew))...)
			continue
		}
		if added[m.Container] == nil {
			order = append(order, m.Container)
		}
		added[m.Container] = append(added[m.Container], &m.Mount)
	}
	for _, ref := range order {
		addAll(p, container(pod, ref).VolumeMounts == nil, added[ref], in(ref, "volumeMounts")...)
	}
}

// in is the pointer of something in a container.
func in(ref inject.ContainerRef, tokens ...string) []string {
	list := "containers"
	if ref.Init {
		list = "initContainers"
	}
	return append([]string{"spec", list, strconv.Itoa(ref.Index)}, tokens...)
}

func container(pod *inject.Pod, ref inject.ContainerRef) *inject.Container {
	if ref.Init {
		return &pod.Spec.InitContainers[ref.Index]
	}
	return &pod.Spec.Containers[ref.Index]
}

// commands puts words in front of commands, one by one, so that no word of the user's is
// written anew. Only a command that begins with an earlier wrapper is set as a whole.
func (p *patcher) commands(pod *inject.Pod, wraps []inject.CommandWrap) {
	for _, w := range wraps {
		if w.Renew > 0 {
			own := container(pod, w.Container).Command[w.Renew:]
			p.op("replace", append(slices.Clone(w.Wrapper), own...), in(w.Container, "command")...)
			continue
		}
		for i, word := range w.Wrapper {
			p.op("add", word, in(w.Container, "command", strconv.Itoa(i))...)
		}
	}
}

// hugePages adds limits. Whoever gets one has resources already.
func (p *patcher) hugePages(pod *inject.Pod, limits []inject.HugePageLimit) {
	for _, l := range limits {
		if container(pod, l.Container).Resources.Limits == nil {
			p.op("add", map[corev1.ResourceName]any{l.Resource: l.Limit}, in(l.Container, "resources", "limits")...)
		} else {
			p.op("add", l.Limit, in(l.Container, "resources", "limits", string(l.Resource))...)
		}
	}
}

func (p *patcher) settings(pod *inject.Pod, s *inject.PodSettings) {
	if s.ShareProcesses {
		p.op("add", true, "spec", "shareProcessNamespace")
	}
	switch {
	case s.FSGroup == nil && len(s.Sysctls) == 0:
	case pod.Spec.SecurityContext == nil:
		p.op("add", corev1.PodSecurityContext{FSGroup: s.FSGroup, Sysctls: s.Sysctls}, "spec", "securityContext")
	default:
		if s.FSGroup != nil {
			p.op("add", s.FSGroup, "spec", "securityContext", "fsGroup")
		}
		addAll(p, pod.Spec.SecurityContext.Sysctls == nil, s.Sysctls, "spec", "securityContext", "sysctls")
	}
}

func (p *patcher) containers(pod *inject.Pod, list []inject.HelperContainer) {
	var first, last []any
	for i := range list {
		switch c := &list[i]; {
		case c.Renew != inject.Insert:
			p.op("replace", &c.Container, "spec", "initContainers", strconv.Itoa(c.Renew))
		case c.First:
			first = append(first, &c.Container)
		default:
			last = append(last, &c.Container)
		}
	}
	if pod.Spec.InitContainers == nil {
		addAll(p, true, append(first, last...), "spec", "initContainers")
		return
	}
	for i, c := range first { // at a rising index, or they would come out reversed
		p.op("add", c, "spec", "initContainers", strconv.Itoa(i))
	}
	addAll(p, false, last, "spec", "initContainers")
}

func (p *patcher) volumes(pod *inject.Pod, volumes []inject.HelperVolume) {
	var added []any
	for i := range volumes {
		if v := &volumes[i]; v.Renew != inject.Insert {
			p.op("replace", &v.Volume, "spec", "volumes", strconv.Itoa(v.Renew))
		} else {
			added = append(added, &v.Volume)
		}
	}
	addAll(p, pod.Spec.Volumes == nil, added, "spec", "volumes")
}

func (p *patcher) annotations(pod *inject.Pod, annotations []inject.Annotation) {
	if len(annotations) == 0 {
		return
	}
	if pod.Metadata.Annotations == nil {
		all := map[string]string{}
		for _, a := range annotations {
			all[a.Key] = a.Value
		}
		if pod.Metadata.Absent {
			p.op("add", map[string]any{"annotations": all}, "metadata")
			return
		}
		p.op("add", all, "metadata", "annotations")
		return
	}
	for _, a := range annotations {
		p.op("add", a.Value, "metadata", "annotations", a.Key)
	}
}
