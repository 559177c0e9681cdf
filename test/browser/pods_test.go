// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// makePods makes the namespace shop with a pod that is good, one that fails, and one that was
// annotated too late. They go with the test.
func makePods(t *testing.T) {
	t.Helper()
	if _, err := clients.CoreV1().Namespaces().Get(t.Context(), "shop", metav1.GetOptions{}); err != nil {
		if err := plane.Namespace(t.Context(), "shop", nil); err != nil {
			t.Fatal(err)
		}
	}
	status := func(p *corev1.Pod, s corev1.ContainerStatus) {
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{s}
		if _, err := clients.CoreV1().Pods("shop").UpdateStatus(t.Context(), p, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	good := makePod(t, "good", map[string]string{"date-writer.pillion.dev/mount-path": "/html"})
	status(good, corev1.ContainerStatus{Name: "pillion-date-writer", Started: new(true), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}})
	failing := makePod(t, "failing", map[string]string{"git-poller.pillion.dev/repo": "https://github.com/acme/site.git", "git-poller.pillion.dev/mount-path": "/html"})
	status(failing, corev1.ContainerStatus{Name: "pillion-git-poller", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"}}})
	late := makePod(t, "late", nil)
	late.Annotations = map[string]string{"date-writer.pillion.dev/mount-path": "/html"}
	if _, err := clients.CoreV1().Pods("shop").Update(t.Context(), late, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func makePod(t *testing.T, name string, annotations map[string]string) *corev1.Pod {
	t.Helper()
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: annotations}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx:1.29"}}}}
	made, err := clients.CoreV1().Pods("shop").Create(t.Context(), p, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		now := int64(0)
		if err := clients.CoreV1().Pods("shop").Delete(context.Background(), name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			t.Error(err)
		}
	})
	return made
}
