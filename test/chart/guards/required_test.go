// SPDX-License-Identifier: Apache-2.0

package guards

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// required is a pod with what the policy strict of the values requires.
func required() *corev1.Pod {
	p := pod("web", nil)
	p.Spec.ShareProcessNamespace = new(true)
	p.Spec.InitContainers = []corev1.Container{{Name: "pillion-date-writer-clock", Image: "helper", RestartPolicy: new(corev1.ContainerRestartPolicyAlways)}}
	return p
}

// The webhook of the tests knows no policy "strict", so the guard alone decides.
func TestWhatAPolicyRequiresEveryPodOfItsNamespacesHas(t *testing.T) {
	strict := newNamespace(t, map[string]string{"pillion.dev/policy": "strict"})
	const clock = `pillion: the pod lacks what policy "strict" requires by clock.date-writer.pillion.dev/mount-path, the init container pillion-date-writer-clock. Either`
	if err := tryPod(t.Context(), strict, required()); err != nil {
		t.Errorf("a pod that has it: %v", err)
	}
	for name, c := range map[string]struct {
		change func(*corev1.Pod)
		want   string
	}{
		"no helper":        {func(p *corev1.Pod) { p.Spec.InitContainers = nil }, clock},
		"another instance": {func(p *corev1.Pod) { p.Spec.InitContainers[0].Name = "pillion-date-writer" }, clock},
		"no sidecar any more": {
			func(p *corev1.Pod) { p.Spec.InitContainers[0].RestartPolicy = nil },
			"pillion: the init container pillion-date-writer-clock has lost restartPolicy: Always",
		},
		"no shared processes": {
			func(p *corev1.Pod) { p.Spec.ShareProcessNamespace = nil },
			`pillion: the pod lacks what policy "strict" requires by ipc.pillion.dev/process. Either`,
		},
		"an opt-out": {
			func(p *corev1.Pod) {
				p.Annotations = map[string]string{"pillion.dev/inject": "false"}
				p.Spec.InitContainers = nil
			}, clock,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := required()
			c.change(p)
			denied(t, strict, p, c.want)
		})
	}
	t.Run("on Windows, where no helper runs", func(t *testing.T) {
		windows := pod("windows", nil)
		windows.Spec.OS = &corev1.PodOS{Name: corev1.Windows}
		denied(t, strict, windows, clock)
		if err := tryPod(t.Context(), newNamespace(t, map[string]string{"pillion.dev/policy": "lenient"}), windows); err != nil {
			t.Errorf("where the policy only warns: %v", err)
		}
	})
	for _, labels := range []map[string]string{nil, {"pillion.dev/policy": "default"}, {"pillion.dev/policy": "strict2"}} {
		if err := tryPod(t.Context(), newNamespace(t, labels), pod("web", nil)); err != nil {
			t.Errorf("a namespace with the labels %v: %v", labels, err)
		}
	}
}
