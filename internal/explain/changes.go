// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// Change is one thing that a plan does to a pod, in words. Each field of a plan has words of
// its own, so that no addition can be missed.
type Change struct {
	What   string `json:"what"` // "sidecar", "volume", "mount", …
	Name   string `json:"name"`
	Detail string `json:"detail,omitempty"`
}

const (
	sidecar       = "sidecar"
	initContainer = "init container"
)

// Changes tells what a plan does to the pod that it was made for, in the order in which a
// person wants to read it, the containers first.
func Changes(p *plan.Plan, of *pod.Pod) []Change {
	var all []Change
	for i := range p.Containers {
		all = append(all, container(&p.Containers[i].Container).replacing(p.Containers[i].Renew))
	}
	slices.SortStableFunc(all, func(a, b Change) int { return cmp.Compare(b.What, a.What) }) // sidecars first
	for i := range p.Volumes {
		all = append(all, volume(&p.Volumes[i].Volume).replacing(p.Volumes[i].Renew))
	}
	for i := range p.Mounts {
		m := &p.Mounts[i]
		c := Change{"mount", m.Mount.MountPath, "of volume " + m.Mount.Name + " in container " + nameOf(of, m.Container)}
		if m.Mount.ReadOnly {
			c.Detail += ", read-only"
		}
		all = append(all, c.replacing(m.Renew))
	}
	for i := range p.Commands {
		w := &p.Commands[i]
		all = append(all, Change{"field", "command", "in container " + nameOf(of, w.Container) + ": " + shorten(strings.Join(w.Wrapper, " ")) + " in front of it"})
	}
	for i := range p.HugePages {
		l := &p.HugePages[i]
		all = append(all, Change{"field", "resources.limits." + string(l.Resource), "in container " + nameOf(of, l.Container) + ": " + l.Limit.String()})
	}
	for i := range p.Env {
		v := &p.Env[i]
		all = append(all, Change{"variable", v.Var.Name, "in container " + nameOf(of, v.Container) + ": " + shorten(v.Var.Value)})
	}
	all = append(all, settings(&p.Settings)...)
	for _, s := range p.PullSecrets {
		all = append(all, Change{"pull secret", s.Name, ""})
	}
	annotations := slices.Clone(p.Annotations)
	slices.SortFunc(annotations, func(a, b plan.Annotation) int { return cmp.Compare(a.Key, b.Key) })
	for _, a := range annotations {
		c := Change{What: "annotation", Name: a.Key}
		if a.Key != inject.StatusAnnotation { // a long one, and told in other words
			c.Detail = shorten(a.Value)
		}
		all = append(all, c)
	}
	return all
}

// replacing says of a change that it replaces what is at an index of the pod, if it does.
func (c Change) replacing(index int) Change {
	if index != plan.Insert {
		c.Detail += ", renewed: what bears the name today is not what the policy says"
	}
	return c
}

func container(c *corev1.Container) Change {
	what := initContainer
	detail := c.Image + ", ends before the app starts"
	if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
		what, detail = sidecar, c.Image+", runs beside the app"
		if c.StartupProbe != nil {
			detail += ", which starts once it is ready"
		}
	}
	return Change{what, c.Name, detail}
}

func volume(v *corev1.Volume) Change {
	switch {
	case v.EmptyDir != nil && v.EmptyDir.SizeLimit != nil:
		return Change{"volume", v.Name, strings.TrimSpace("emptyDir "+string(v.EmptyDir.Medium)) + " of at most " + v.EmptyDir.SizeLimit.String()}
	case v.EmptyDir != nil:
		return Change{"volume", v.Name, strings.TrimSpace("emptyDir " + string(v.EmptyDir.Medium))}
	case v.Secret != nil:
		return Change{"volume", v.Name, "Secret " + v.Secret.SecretName}
	case v.ConfigMap != nil:
		return Change{"volume", v.Name, "ConfigMap " + v.ConfigMap.Name}
	}
	return Change{"volume", v.Name, ""}
}

func settings(s *plan.Settings) []Change {
	var all []Change
	if s.ShareProcesses {
		all = append(all, Change{"field", "spec.shareProcessNamespace", "true"})
	}
	if s.FSGroup != nil {
		all = append(all, Change{"field", "spec.securityContext.fsGroup", strconv.FormatInt(*s.FSGroup, 10)})
	}
	for _, sysctl := range s.Sysctls {
		all = append(all, Change{"field", "spec.securityContext.sysctls", fmt.Sprintf("%s=%s", sysctl.Name, sysctl.Value)})
	}
	return all
}

// nameOf is the name of a container of the pod.
func nameOf(p *pod.Pod, ref pod.Ref) string {
	if ref.Init {
		return p.Spec.InitContainers[ref.Index].Name
	}
	return p.Spec.Containers[ref.Index].Name
}

// shorten cuts what does not fit in a line.
func shorten(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
