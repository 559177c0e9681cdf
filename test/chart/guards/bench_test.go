// SPDX-License-Identifier: Apache-2.0

package guards

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
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

// awaitSystem waits until pods can be made in kube-system, which no guard looks at.
func awaitSystem(t testing.TB) {
	t.Helper()
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
