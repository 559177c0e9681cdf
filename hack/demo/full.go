// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// A section is one field of a pod: what its author wrote, for context, and what
// was added to it.
type section struct {
	path  string
	wrote any // nil or something with elements
	added any
}

// additions are the parts of got that are not in wrote. What the API server adds
// to every pod (defaults, the token volume) is left out, so that what Pillion
// added is left.
func additions(wrote, got *corev1.Pod) []section {
	sections := []section{
		{path: "metadata.annotations", wrote: wrote.Annotations, added: newAnnotations(wrote.Annotations, got.Annotations)},
		{path: "spec.initContainers", added: withoutDefaults(added(wrote.Spec.InitContainers, got.Spec.InitContainers, containerName))},
	}
	before := map[string][]corev1.VolumeMount{}
	for _, c := range wrote.Spec.Containers {
		before[c.Name] = c.VolumeMounts
	}
	for _, c := range got.Spec.Containers {
		mounts := added(before[c.Name], c.VolumeMounts, func(m corev1.VolumeMount) string { return m.Name })
		sections = append(sections, section{path: "spec.containers[" + c.Name + "].volumeMounts", added: mounts})
	}
	volumes := added(wrote.Spec.Volumes, got.Spec.Volumes, func(v corev1.Volume) string { return v.Name })
	return append(sections, section{path: "spec.volumes", added: volumes})
}

func containerName(c corev1.Container) string { return c.Name }

// added are the elements of got whose name is not in wrote.
func added[T any](wrote, got []T, name func(T) string) []T {
	known := map[string]bool{}
	for _, v := range wrote {
		known[name(v)] = true
	}
	var out []T
	for _, v := range got {
		if !known[name(v)] && !strings.HasPrefix(name(v), "kube-api-access-") {
			out = append(out, v)
		}
	}
	return out
}

func newAnnotations(wrote, got map[string]string) map[string]string {
	out := map[string]string{}
	for key, value := range got {
		if _, known := wrote[key]; !known && key != corev1.LastAppliedConfigAnnotation {
			out[key] = value
		}
	}
	return out
}

// withoutDefaults leaves out fields that say nothing a reader wants to know.
func withoutDefaults(containers []corev1.Container) []corev1.Container {
	for i := range containers {
		containers[i].TerminationMessagePath = ""
		containers[i].TerminationMessagePolicy = ""
		containers[i].ImagePullPolicy = ""
	}
	return containers
}
