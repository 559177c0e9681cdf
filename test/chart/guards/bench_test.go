// SPDX-License-Identifier: Apache-2.0

package guards

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// BenchmarkCreate compares a create that the guard judges with the same one in a
// namespace that it leaves alone (kube-system), in turns so that both have the same
// neighbours. It reports the median of the differences.
func BenchmarkCreate(b *testing.B) {
	awaitSystem(b)
	injected := pod("web", asking())
	injected.Spec.InitContainers = []corev1.Container{{Name: "pillion-git-poller", Image: "helper", RestartPolicy: new(corev1.ContainerRestartPolicyAlways)}}
	others := map[string]string{}
	for _, letter := range "abcdefghijklmnopqrst" {
		others["example.com/"+string(letter)] = "x"
	}
	for _, c := range []struct {
		name string
		pod  *corev1.Pod
	}{{"no annotations", pod("web", nil)}, {"20 annotations of others", pod("web", others)}, {"a helper", injected}} {
		b.Run(c.name, func(b *testing.B) {
			var with, without, difference []time.Duration
			for b.Loop() {
				w, wo := create(b, guardOnly, c.pod), create(b, "kube-system", c.pod)
				with, without, difference = append(with, w), append(without, wo), append(difference, w-wo)
			}
			b.ReportMetric(float64(median(with).Microseconds()), "µs-with/op")
			b.ReportMetric(float64(median(without).Microseconds()), "µs-without/op")
			b.ReportMetric(float64(median(difference).Microseconds()), "µs-difference/op")
		})
	}
}

// BenchmarkUpdate does the same with a label of a pod that exists.
func BenchmarkUpdate(b *testing.B) {
	awaitSystem(b)
	injected := pod("bench", asking())
	injected.Spec.InitContainers = []corev1.Container{{
		Name: poller, Image: "helper", RestartPolicy: new(corev1.ContainerRestartPolicyAlways),
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{"cpu": resource.MustParse("10m"), "memory": resource.MustParse("32Mi")},
			Limits:   corev1.ResourceList{"cpu": resource.MustParse("500m"), "memory": resource.MustParse("256Mi")},
		},
	}}
	for _, c := range []struct {
		name string
		pod  *corev1.Pod
	}{{"no helper", pod("bench", nil)}, {"a helper", injected}} {
		b.Run(c.name, func(b *testing.B) {
			for _, ns := range []string{guardOnly, "kube-system"} {
				if _, err := clients.CoreV1().Pods(ns).Create(b.Context(), c.pod, metav1.CreateOptions{}); err != nil {
					b.Fatal(err)
				}
			}
			var difference []time.Duration
			for b.Loop() {
				difference = append(difference, label(b, guardOnly)-label(b, "kube-system"))
			}
			b.ReportMetric(float64(median(difference).Microseconds()), "µs-difference/op")
			for _, ns := range []string{guardOnly, "kube-system"} {
				if err := clients.CoreV1().Pods(ns).Delete(b.Context(), "bench", metav1.DeleteOptions{GracePeriodSeconds: new(int64)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// label is how long a dry run takes that gives the pod bench a label.
func label(b *testing.B, namespace string) time.Duration {
	start := time.Now()
	options := metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}}
	if _, err := clients.CoreV1().Pods(namespace).Patch(b.Context(), "bench", types.MergePatchType, []byte(`{"metadata":{"labels":{"a":"b"}}}`), options); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// awaitSystem waits until pods can be made in kube-system, which no guard looks at.
func awaitSystem(t testing.TB) {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}} // where there are no controllers
	if _, err := clients.CoreV1().ServiceAccounts("kube-system").Create(t.Context(), account, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	await(t, "the ServiceAccount of kube-system", func() bool { return tryPod(t.Context(), "kube-system", pod("probe", nil)) == nil })
}

func create(b *testing.B, namespace string, p *corev1.Pod) time.Duration {
	start := time.Now()
	if err := tryPod(b.Context(), namespace, p); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
