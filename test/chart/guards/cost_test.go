// SPDX-License-Identifier: Apache-2.0

package guards

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// An expression that costs too much denies the pod, so none may, whatever a pod has. The
// time that the API server takes grows with the square of the number of annotations, for
// the condition of the webhook as well: 30,000 pass, and take too long for a busy machine.
func TestTheLargestPodsAreNotTooMuch(t *testing.T) {
	_, made := goldens(t)
	awaitSystem(t)
	for _, c := range []struct{ name, golden string }{
		{"one that asks for nothing", "nothing-asked"},
		{"a git-poller and a date-writer", "both-helpers"},
		{"everything of ipc", "ipc-everything"},
		{"an order", "mc2-start-after"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := made[c.golden].DeepCopy()
			if p.Annotations == nil {
				p.Annotations = map[string]string{}
			}
			for i := range 8_000 {
				p.Annotations[fmt.Sprintf("k%x", i)] = ""
			}
			var mounts []corev1.VolumeMount
			for i := range 16 {
				name := fmt.Sprintf("v-%d", i)
				p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: name})
				mounts = append(mounts, corev1.VolumeMount{Name: name, MountPath: "/srv/" + name})
			}
			for i := range 100 {
				p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: fmt.Sprintf("app-%d", i), Image: "app", VolumeMounts: mounts})
			}
			start := time.Now()
			err := tryPod(t.Context(), "kube-system", p)
			without := time.Since(start)
			if err != nil {
				t.Fatalf("where no guard is: %v", err)
			}
			start = time.Now()
			defer func() { t.Logf("without the guard %v, with it %v", without, time.Since(start)) }()
			if err := tryPod(t.Context(), guardOnly, p); err != nil {
				t.Error(err)
			}
		})
	}
}

// The most that Pillion looks at: 64 annotations, here of 32 helpers with long names and
// values.
func TestTheMostHelpersAreNotTooMuch(t *testing.T) {
	p := pod("web", map[string]string{})
	for i := range 32 {
		instance := fmt.Sprintf("%s-%02d", strings.Repeat("x", 27), i)
		prefix := instance + ".git-poller.pillion.dev/"
		maps.Copy(p.Annotations, map[string]string{prefix + "repo": strings.Repeat("v", 3<<10), prefix + "mount-path": "/" + instance})
		p.Spec.InitContainers = append(p.Spec.InitContainers, corev1.Container{
			Name: "pillion-git-poller-" + instance, Image: "helper", RestartPolicy: new(corev1.ContainerRestartPolicyAlways),
		})
	}
	p.Annotations["pillion.dev/status"] = strings.Repeat(`{"container":"pillion-git-poller-`+strings.Repeat("x", 27)+`-00"}`, 64)
	if err := tryPod(t.Context(), guardOnly, p); err != nil {
		t.Error(err)
	}
	p.Spec.InitContainers = p.Spec.InitContainers[1:]
	denied(t, guardOnly, p, "pillion: the pod lacks what the annotation "+strings.Repeat("x", 27)+"-00.git-poller.pillion.dev/mount-path asks for")
}

// A pod that requests more than Pillion considers is denied in any case, and an author who
// only wants to be expensive as well: by the cost limit.
func TestTooManyAnnotationsOfOursAreDenied(t *testing.T) {
	p := pod("web", map[string]string{})
	for i := range 9_000 {
		p.Annotations[fmt.Sprintf("k%x.pillion.dev/x", i)] = ""
	}
	err := tryPod(t.Context(), guardOnly, p)
	if !isGuard(err) {
		t.Errorf("admitted, or denied by somebody else: %v", err)
	}
	t.Log(err)
}

// An update that costs too much would be denied, be it that of a controller, so that of the
// largest pod that is injected may not.
func TestAnUpdateOfTheLargestPodIsNotTooMuch(t *testing.T) {
	p := pod("web", nil)
	for i := range 32 {
		p.Spec.InitContainers = append(p.Spec.InitContainers, corev1.Container{
			Name: fmt.Sprintf("pillion-git-poller-%s-%02d", strings.Repeat("x", 27), i), Image: "registry.example/" + strings.Repeat("i", 200), RestartPolicy: new(corev1.ContainerRestartPolicyAlways),
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{"cpu": resource.MustParse("10m"), "memory": resource.MustParse("32Mi"), "ephemeral-storage": resource.MustParse("1Mi")},
				Limits:   corev1.ResourceList{"cpu": resource.MustParse("500m"), "memory": resource.MustParse("256Mi"), "ephemeral-storage": resource.MustParse("1Gi")},
			},
		})
	}
	for i := range 200 {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: fmt.Sprintf("app-%d", i), Image: "app"})
		p.Spec.InitContainers = append(p.Spec.InitContainers, corev1.Container{Name: fmt.Sprintf("init-%d", i), Image: "init"})
	}
	if _, err := clients.CoreV1().Pods(guardOnly).Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t, guardOnly) })
	if err := patchPod(t, guardOnly, `{"metadata":{"labels":{"a":"b"}}}`, types.MergePatchType); err != nil {
		t.Error(err)
	}
	body := `{"spec":{"initContainers":[{"name":"` + p.Spec.InitContainers[31].Name + `","resources":{"limits":{"memory":"8Gi"}}}]}}`
	deniedUpdate(t, patchPod(t, guardOnly, body, types.StrategicMergePatchType, "resize"), "pillion: limits.memory of "+p.Spec.InitContainers[31].Name+" would be 8Gi, and can be at most 256Mi")
}
