// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"slices"
	"strconv"
	"strings"

	"gomodules.xyz/jsonpatch/v2"

	"github.com/pillion-dev/pillion/internal/inject"
)

// Patch turns a plan into RFC 6902 operations on the pod that was decided on. root is
// the JSON pointer of the pod or pod template in the document, "" for a pod.
//
// The order matters: mounts and renewals go by the indexes of the pod as it is, so
// they come before init containers are inserted.
func Patch(pod *inject.Pod, plan *inject.Plan, root string) []jsonpatch.Operation {
	p := patcher{root: root}
	p.mounts(pod, plan.Mounts)
	p.containers(pod, plan.Containers)
	p.volumes(pod, plan.Volumes)
	addAll(&p, pod.Spec.ImagePullSecrets == nil, plan.PullSecrets, "spec", "imagePullSecrets")
	p.annotations(pod, plan.Annotations)
	return p.ops
}

type patcher struct {
	root string
	ops  []jsonpatch.Operation
}

func (p *patcher) op(operation string, value any, tokens ...string) {
	p.ops = append(p.ops, jsonpatch.Operation{Operation: operation, Path: p.root + pointer(tokens...), Value: value})
}

// pointer builds an RFC 6901 pointer; '~' and '/' in a token are escaped.
func pointer(tokens ...string) string {
	var out strings.Builder
	for _, t := range tokens {
		out.WriteByte('/')
		out.WriteString(strings.ReplaceAll(strings.ReplaceAll(t, "~", "~0"), "/", "~1"))
	}
	return out.String()
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
	made := map[inject.ContainerRef]bool{} // lists that an operation before has made
	for _, m := range mounts {
		list, c := "containers", pod.Spec.Containers
		if m.Container.Init {
			list, c = "initContainers", pod.Spec.InitContainers
		}
		at := []string{"spec", list, strconv.Itoa(m.Container.Index), "volumeMounts"}
		switch {
		case m.Renew != inject.Insert:
			p.op("replace", m.Mount, append(at, strconv.Itoa(m.Renew))...)
		case c[m.Container.Index].VolumeMounts == nil && !made[m.Container]:
			made[m.Container] = true
			p.op("add", []any{m.Mount}, at...)
		default:
			p.op("add", m.Mount, append(at, "-")...)
		}
	}
}

func (p *patcher) containers(pod *inject.Pod, list []inject.HelperContainer) {
	var first, last []any
	for i := range list {
		switch c := &list[i]; {
		case c.Renew != inject.Insert:
			p.op("replace", c.Container, "spec", "initContainers", strconv.Itoa(c.Renew))
		case c.First:
			first = append(first, c.Container)
		default:
			last = append(last, c.Container)
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
			p.op("replace", v.Volume, "spec", "volumes", strconv.Itoa(v.Renew))
		} else {
			added = append(added, v.Volume)
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
		p.op("add", all, "metadata", "annotations")
		return
	}
	for _, a := range annotations {
		p.op("add", a.Value, "metadata", "annotations", a.Key)
	}
}
