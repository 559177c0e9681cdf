// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func pods() (wrote, got *corev1.Pod) {
	wrote = &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"a": "1"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web"}}},
	}
	got = wrote.DeepCopy()
	got.Annotations["b"] = "2"
	got.Annotations[corev1.LastAppliedConfigAnnotation] = "{}"
	got.Spec.InitContainers = []corev1.Container{{Name: "helper", Image: "i", TerminationMessagePath: "/dev/x"}}
	got.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{
		{Name: "kube-api-access-x", MountPath: "/token"},
		{Name: "helper", MountPath: "/data", ReadOnly: true},
	}
	got.Spec.Volumes = []corev1.Volume{{Name: "kube-api-access-x"}, {Name: "helper"}}
	return wrote, got
}

func TestWhatTheAPIServerAddsToEveryPodIsNotShown(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := &printer{out: &out}
	if err := p.sections(additions(pods())); err != nil {
		t.Fatal(err)
	}
	want := `  metadata.annotations:
    a: "1"
+   b: "2"
  spec.initContainers:
+   - {name: helper, image: i, resources: {}}
  spec.containers[web].volumeMounts:
+   - {name: helper, readOnly: true, mountPath: /data}
  spec.volumes:
+   - {name: helper}
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestALongLineIsCut(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := &printer{out: &out}
	if err := p.block("", "", []string{strings.Repeat("ü", 2*width)}); err != nil {
		t.Fatal(err)
	}
	line := strings.TrimSuffix(out.String(), "\n")
	if n := len([]rune(line)); n != width || !strings.HasSuffix(line, "…") {
		t.Errorf("%d characters, want %d that end with an ellipsis: %s", n, width, line)
	}
}
