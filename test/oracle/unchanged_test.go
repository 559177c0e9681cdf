// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject"
	podview "github.com/pillion-dev/pillion/internal/inject/pod"
)

// proveUserUnchanged takes away from both pods what bears our names, and from the
// second what stands behind the user's own mounts, variables and pull secrets. The rest is equal.
func proveUserUnchanged(before, after *corev1.Pod) error {
	a, b := before.DeepCopy(), after.DeepCopy()
	for _, pod := range []*corev1.Pod{a, b} {
		delete(pod.Annotations, inject.StatusAnnotation)
		delete(pod.Annotations, inject.SafeToEvictAnnotation)
		pod.Spec.Volumes = slices.DeleteFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return podview.Reserved(v.Name) })
		pod.Spec.InitContainers = slices.DeleteFunc(pod.Spec.InitContainers, func(c corev1.Container) bool { return podview.Reserved(c.Name) })
		for _, c := range users(pod) {
			c.Command = unwrapped(c.Command)
			c.VolumeMounts = slices.DeleteFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return podview.Reserved(m.Name) })
		}
	}
	was, is := users(a), users(b)
	if len(was) != len(is) {
		return fmt.Errorf("there were %d containers of the user's and are %d", len(was), len(is))
	}
	for i := range was {
		stripHugePages(was[i], is[i])
		is[i].VolumeMounts = is[i].VolumeMounts[:min(len(was[i].VolumeMounts), len(is[i].VolumeMounts))]
		is[i].Env = is[i].Env[:min(len(was[i].Env), len(is[i].Env))]
	}
	stripSettings(&a.Spec, &b.Spec)
	b.Spec.ImagePullSecrets = b.Spec.ImagePullSecrets[:min(len(a.Spec.ImagePullSecrets), len(b.Spec.ImagePullSecrets))]
	sameQuantity := cmp.Comparer(func(a, b resource.Quantity) bool { return a.Cmp(b) == 0 })
	if diff := cmp.Diff(a, b, cmpopts.EquateEmpty(), sameQuantity); diff != "" {
		return fmt.Errorf("something of the user's is not as it was (-before +after):\n%s", diff)
	}
	return nil
}

// unwrapped is a command without the wrapper in front of it: our program, "run", flags,
// "--" and something behind them.
func unwrapped(command []string) []string {
	end := slices.Index(command, "--")
	if end < 2 || end+1 == len(command) || command[0] != "/.pillion/bin/pillion-helper" || command[1] != "run" {
		return command
	}
	if slices.ContainsFunc(command[2:end], func(word string) bool { return !strings.HasPrefix(word, "--") }) {
		return command
	}
	return command[end+1:]
}

// stripHugePages takes limits of huge pages away that were not there, and the requests
// that the API server makes of limits.
func stripHugePages(was, is *corev1.Container) {
	for name := range is.Resources.Limits {
		if _, kept := was.Resources.Limits[name]; !kept && strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix) {
			delete(is.Resources.Limits, name)
		}
	}
}

// stripSettings takes settings away from the second pod that the first did not have.
func stripSettings(was, is *corev1.PodSpec) {
	if was.ShareProcessNamespace == nil && is.ShareProcessNamespace != nil && *is.ShareProcessNamespace {
		is.ShareProcessNamespace = nil
	}
	if was.SecurityContext == nil {
		was.SecurityContext = &corev1.PodSecurityContext{}
	}
	if is.SecurityContext == nil {
		is.SecurityContext = &corev1.PodSecurityContext{}
	}
	if was.SecurityContext.FSGroup == nil {
		is.SecurityContext.FSGroup = nil
	}
	is.SecurityContext.Sysctls = is.SecurityContext.Sysctls[:min(len(was.SecurityContext.Sysctls), len(is.SecurityContext.Sysctls))]
}

// users are the containers of a pod, init containers first.
func users(pod *corev1.Pod) []*corev1.Container {
	var all []*corev1.Container
	for i := range pod.Spec.InitContainers {
		all = append(all, &pod.Spec.InitContainers[i])
	}
	for i := range pod.Spec.Containers {
		all = append(all, &pod.Spec.Containers[i])
	}
	return all
}
