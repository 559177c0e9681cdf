// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject"
)

// A policy that requires something wants it of pods that are older than itself as well.
func TestAPodWithoutWhatItsPolicyRequires(t *testing.T) {
	t.Parallel()
	requires := policyOf(t, "default", "{date-writer: }, require: [{helper: date-writer, options: {mount-path: /up}}]")
	const missing = `NotInjected: the policy "default" adds helpers to every pod, and this one has none`
	for name, c := range map[string]struct {
		change  func(*corev1.Pod)
		assumed bool
		state   State
		want    []string
	}{
		"a pod that asks for nothing has nothing":            {state: Missing, want: []string{missing}},
		"one that has ended needs nothing":                   {change: func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }, state: None},
		"the mirror of a static pod has none":                {change: func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"} }, state: None},
		"a policy that stands in for another proves nothing": {assumed: true, state: None},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := injected(t, policyOf(t, "default", "{date-writer: }"), version)
			pod.Annotations, pod.Spec.InitContainers, pod.Spec.Volumes = nil, nil, nil
			pod.Spec.Containers[0].VolumeMounts = nil
			pod.Spec.NodeName = "node-1"
			if c.change != nil {
				c.change(pod)
			}
			l := &Look{
				Injector: version, Newest: Newest{}, Cluster: clusterWith(nil, webhook("default", nil)),
				Policies: &Policies{ByName: map[string]*inject.Policy{"default": requires}, Source: "policies", Assumed: c.assumed},
			}
			if !l.Policies.Adds() {
				t.Error("the policies add nothing")
			}
			wantPod(t, l.Judge(read(t, pod)), c.state, c.want)
		})
	}
	l := &Look{
		Injector: version, Newest: Newest{}, Cluster: clusterWith(nil, webhook("default", nil)),
		Policies: &Policies{ByName: map[string]*inject.Policy{"default": policyOf(t, "default", "{date-writer: }, require: [{helper: date-writer, instance: up, options: {mount-path: /up}}]")}, Source: "policies"},
	}
	before := injected(t, policyOf(t, "default", "{date-writer: }"), version)
	wantPod(t, l.Judge(read(t, before)), Drifted, []string{"MadeByOther: it was made under another state of the policy"})
}
