// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"gomodules.xyz/jsonpatch/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// Patch turns a plan into RFC 6902 operations on the pod that was decided on. root is
// the JSON pointer of the pod or pod template in the document, "" for a pod.
//
// The order matters: what goes into containers, and renewals, go by the indexes of the
// pod as it is, so they come before init containers are inserted.
func Patch(on *pod.Pod, plan *Plan, root string) ([]jsonpatch.Operation, error) {
	const usual = 8 // operations, in most pods
	p := patcher{root: root, ops: make([]jsonpatch.Operation, 0, usual), values: make([]json.RawMessage, 0, usual)}
	p.commands(on, plan.Commands)
	p.hugePages(on, plan.HugePages)
	p.env(on, plan.Env)
	p.settings(on, &plan.Settings)
	p.mounts(on, plan.Mounts)
	p.containers(on, plan.Containers)
	p.volumes(on, plan.Volumes)
	addAll(&p, on.Spec.ImagePullSecrets == nil, plan.PullSecrets, "spec", "imagePullSecrets")
	p.annotations(on, plan.Annotations)
	if p.err != nil {
		return nil, fmt.Errorf("writing the patch: %w", p.err)
	}
	return p.ops, nil
}

type patcher struct {
	root string
	ops  []jsonpatch.Operation
	err  error // the first value that could not be written as JSON

	values []json.RawMessage // of the operations, which point at them: a pointer is no copy
}

func (p *patcher) op(operation string, value any, tokens ...string) {
	raw, err := json.Marshal(value)
	if err != nil && p.err == nil {
		p.err = err
	}
	p.values = append(p.values, raw)
	p.ops = append(p.ops, jsonpatch.Operation{Operation: operation, Path: p.root + jsonscan.Pointer(tokens...), Value: &p.values[len(p.values)-1]})
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

// env adds variables behind those that a container has.
func (p *patcher) env(on *pod.Pod, vars []Env) {
	added := map[pod.Ref]bool{}
	for i := range vars {
		ref := vars[i].Container
		if added[ref] {
			continue
		}
		added[ref] = true
		var list []corev1.EnvVar
		for j := range vars {
			if vars[j].Container == ref {
				list = append(list, vars[j].Var)
			}
		}
		_, absent := container(on, ref).Vars()
		addAll(p, absent, list, in(ref, "env")...)
	}
}

func (p *patcher) mounts(on *pod.Pod, mounts []Mount) {
	// What a container gets is kept together: a list that is absent is made once, with
	// all of its mounts.
	var order []pod.Ref
	added := map[pod.Ref][]any{}
	for i := range mounts {
		m := &mounts[i]
		if m.Renew != Insert {
			p.op("replace", &m.Mount, in(m.Container, "volumeMounts", strconv.Itoa(m.Renew))...)
			continue
		}
		if added[m.Container] == nil {
			order = append(order, m.Container)
		}
		added[m.Container] = append(added[m.Container], &m.Mount)
	}
	for _, ref := range order {
		addAll(p, container(on, ref).VolumeMounts == nil, added[ref], in(ref, "volumeMounts")...)
	}
}

// in is the pointer of something in a container.
func in(ref pod.Ref, tokens ...string) []string {
	list := "containers"
	if ref.Init {
		list = "initContainers"
	}
	return append([]string{"spec", list, strconv.Itoa(ref.Index)}, tokens...)
}

func container(on *pod.Pod, ref pod.Ref) *pod.Container {
	if ref.Init {
		return &on.Spec.InitContainers[ref.Index]
	}
	return &on.Spec.Containers[ref.Index]
}

// commands puts words in front of commands, one by one, so that no word of the user's is
// written again. Only a command that begins with an earlier wrapper is set as a whole.
func (p *patcher) commands(on *pod.Pod, wraps []Wrap) {
	for _, w := range wraps {
		if w.Renew > 0 {
			own := container(on, w.Container).Command[w.Renew:]
			p.op("replace", append(slices.Clone(w.Wrapper), own...), in(w.Container, "command")...)
			continue
		}
		for i, word := range w.Wrapper {
			p.op("add", word, in(w.Container, "command", strconv.Itoa(i))...)
		}
	}
}

// hugePages adds limits. A container that gets one has resources already.
func (p *patcher) hugePages(on *pod.Pod, limits []HugePages) {
	for _, l := range limits {
		if container(on, l.Container).Resources.Limits == nil {
			p.op("add", map[corev1.ResourceName]any{l.Resource: l.Limit}, in(l.Container, "resources", "limits")...)
		} else {
			p.op("add", l.Limit, in(l.Container, "resources", "limits", string(l.Resource))...)
		}
	}
}

func (p *patcher) settings(on *pod.Pod, s *Settings) {
	if s.ShareProcesses {
		p.op("add", true, "spec", "shareProcessNamespace")
	}
	switch {
	case s.FSGroup == nil && len(s.Sysctls) == 0:
	case on.Spec.SecurityContext == nil:
		p.op("add", corev1.PodSecurityContext{FSGroup: s.FSGroup, Sysctls: s.Sysctls}, "spec", "securityContext")
	default:
		if s.FSGroup != nil {
			p.op("add", s.FSGroup, "spec", "securityContext", "fsGroup")
		}
		addAll(p, on.Spec.SecurityContext.Sysctls == nil, s.Sysctls, "spec", "securityContext", "sysctls")
	}
}

func (p *patcher) containers(on *pod.Pod, list []Container) {
	var first, last []any
	for i := range list {
		switch c := &list[i]; {
		case c.Renew != Insert:
			p.op("replace", &c.Container, "spec", "initContainers", strconv.Itoa(c.Renew))
		case c.First:
			first = append(first, &c.Container)
		default:
			last = append(last, &c.Container)
		}
	}
	if on.Spec.InitContainers == nil {
		addAll(p, true, append(first, last...), "spec", "initContainers")
		return
	}
	for i, c := range first { // at a rising index, or they would come out reversed
		p.op("add", c, "spec", "initContainers", strconv.Itoa(i))
	}
	addAll(p, false, last, "spec", "initContainers")
}

func (p *patcher) volumes(on *pod.Pod, volumes []Volume) {
	var added []any
	for i := range volumes {
		if v := &volumes[i]; v.Renew != Insert {
			p.op("replace", &v.Volume, "spec", "volumes", strconv.Itoa(v.Renew))
		} else {
			added = append(added, &v.Volume)
		}
	}
	addAll(p, on.Spec.Volumes == nil, added, "spec", "volumes")
}

func (p *patcher) annotations(on *pod.Pod, annotations []Annotation) {
	if len(annotations) == 0 {
		return
	}
	if on.Metadata.Annotations == nil {
		all := map[string]string{}
		for _, a := range annotations {
			all[a.Key] = a.Value
		}
		if on.Metadata.Absent {
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
