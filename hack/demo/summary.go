// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// An addition is one thing that a pod has now and its author did not write, in one line.
type addition struct{ kind, name, detail string }

func (a addition) String() string {
	return cut(strings.TrimRight(fmt.Sprintf("+ %-14s %-26s %s", a.kind, a.name, a.detail), " "))
}

// summary is what was added to a pod, in short.
func summary(wrote, got *corev1.Pod) []addition {
	var all []addition
	for _, c := range added(wrote.Spec.InitContainers, got.Spec.InitContainers, containerName) {
		kind := "init container"
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			kind = "sidecar"
		}
		all = append(all, addition{kind, c.Name, "image " + c.Image})
		if c.StartupProbe != nil {
			all = append(all, addition{"startup probe", c.Name, probe(c.StartupProbe)})
		}
	}
	for _, v := range added(wrote.Spec.Volumes, got.Spec.Volumes, func(v corev1.Volume) string { return v.Name }) {
		all = append(all, addition{"volume", v.Name, source(v)})
	}
	all = append(all, inContainers(wrote, got)...)
	annotations := newAnnotations(wrote.Annotations, got.Annotations)
	for _, key := range sortedKeys(annotations) {
		all = append(all, addition{"annotation", key, brief(key, annotations[key])})
	}
	return all
}

// inContainers are the mounts and variables that the author's containers have gained.
func inContainers(wrote, got *corev1.Pod) (all []addition) {
	for _, c := range got.Spec.Containers {
		before := containerNamed(wrote.Spec.Containers, c.Name)
		if before == nil {
			all = append(all, addition{"container", c.Name, "image " + c.Image})
			continue
		}
		for _, m := range added(before.VolumeMounts, c.VolumeMounts, func(m corev1.VolumeMount) string { return m.Name }) {
			mode := ""
			if m.ReadOnly {
				mode = ", read-only"
			}
			all = append(all, addition{"mount", "in " + c.Name, m.MountPath + mode})
		}
		for _, e := range added(before.Env, c.Env, func(e corev1.EnvVar) string { return e.Name }) {
			all = append(all, addition{"variable", "in " + c.Name, e.Name + "=" + e.Value})
		}
	}
	return all
}

func probe(p *corev1.Probe) string {
	switch {
	case p.Exec != nil:
		return strings.Join(p.Exec.Command, " ")
	case p.HTTPGet != nil:
		return fmt.Sprintf("GET %s at port %s", p.HTTPGet.Path, p.HTTPGet.Port.String())
	case p.TCPSocket != nil:
		return "port " + p.TCPSocket.Port.String()
	default:
		return ""
	}
}

func source(v corev1.Volume) string {
	switch {
	case v.EmptyDir != nil && v.EmptyDir.SizeLimit != nil:
		return fmt.Sprintf("emptyDir of %s", v.EmptyDir.SizeLimit)
	case v.EmptyDir != nil:
		return "emptyDir"
	case v.ConfigMap != nil:
		return "ConfigMap " + v.ConfigMap.Name
	case v.Secret != nil:
		return "Secret " + v.Secret.SecretName
	default:
		return ""
	}
}

// brief is the value of an annotation; of pillion.dev/status the result and its reason.
func brief(key, value string) string {
	var status struct{ Policy, Result, Reason string }
	if key != "pillion.dev/status" || json.Unmarshal([]byte(value), &status) != nil {
		return value
	}
	return fmt.Sprintf("%s, %s by policy %s", status.Result, strings.ToLower(status.Reason), status.Policy)
}

func containerNamed(containers []corev1.Container, name string) *corev1.Container {
	i := slices.IndexFunc(containers, func(c corev1.Container) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &containers[i]
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
