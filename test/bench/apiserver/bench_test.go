// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/pillion-dev/pillion/test/controlplane"
)

// The ways in which a pod gets its sidecar, each of which has a namespace of the same name.
const (
	webhook = "webhook"
	native  = "native"
	neither = "neither"
)

var ways = []string{webhook, native, neither}

var (
	clients *kubernetes.Clientset
	results table
)

var update = flag.Bool("update", false, "write testdata/ratios.json from what is measured")

func TestMain(m *testing.M) {
	os.Exit(controlplane.Run(controlplane.Options{Webhook: true}, func(ctx context.Context, p *controlplane.Plane) int {
		if err := prepare(ctx, p); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		code := m.Run()
		results.print(os.Stdout)
		if *update {
			if err := results.commit(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		return code
	}))
}

// prepare makes the namespaces, and the native policy from what the webhook does.
func prepare(ctx context.Context, p *controlplane.Plane) (err error) {
	config := p.Config()
	config.QPS = -1 // no waiting in the client
	if clients, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	for _, way := range ways {
		if err := p.Namespace(ctx, way, nil); err != nil {
			return err
		}
	}
	made, err := create(ctx, webhook, pod(webhook, 1, 0), metav1.DryRunAll)
	if err != nil {
		return err
	}
	s, err := sidecarOf(made)
	if err != nil {
		return err
	}
	policy, binding := nativePolicy(s)
	admission := clients.AdmissionregistrationV1()
	if _, err := admission.MutatingAdmissionPolicies().Create(ctx, policy, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := admission.MutatingAdmissionPolicyBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		return err
	}
	// The API server takes it up within seconds.
	return wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		made, err := create(ctx, native, pod(native, 1, 0), metav1.DryRunAll)
		return err == nil && len(made.Spec.InitContainers) == 1, err
	})
}

// pod is one that asks for a git-poller in its way.
func pod(way string, containers, env int) *corev1.Pod {
	annotations := map[string]string{"example.com/team": "web"}
	switch way {
	case webhook:
		annotations["git-poller.pillion.dev/repo"] = "https://github.com/acme/site.git"
		annotations["git-poller.pillion.dev/mount-path"] = "/usr/share/nginx/html"
	case native:
		annotations[asks] = "https://github.com/acme/site.git"
		annotations[asks+"-mount-path"] = "/usr/share/nginx/html"
	case neither:
		annotations["bench.example/nothing"] = "https://github.com/acme/site.git"
		annotations["bench.example/nothing-mount-path"] = "/usr/share/nginx/html"
	}
	list := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
	}
	app := corev1.Container{
		Image: "registry.example/acme/app:v1.2.3", Command: []string{"/app", "--listen=:8080"},
		Resources:     corev1.ResourceRequirements{Limits: list("500m", "256Mi"), Requests: list("100m", "128Mi")},
		LivenessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/healthz", Port: intstr.FromInt32(8080)}}},
	}
	for i := range env {
		app.Env = append(app.Env, corev1.EnvVar{Name: fmt.Sprintf("SETTING_%02d", i), Value: fmt.Sprintf("https://service-%02d.example", i)})
	}
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "web-7d4b9c8f5d-", Annotations: annotations, Labels: map[string]string{"app": "web", "pod-template-hash": "7d4b9c8f5d"}}}
	for i := range containers {
		app.Name, app.Ports = fmt.Sprintf("app-%d", i), []corev1.ContainerPort{{ContainerPort: int32(8080 + i)}}
		p.Spec.Containers = append(p.Spec.Containers, app)
	}
	return p
}

func create(ctx context.Context, namespace string, pod *corev1.Pod, dryRun ...string) (*corev1.Pod, error) {
	return clients.CoreV1().Pods(namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: dryRun})
}

// Both ways make the same pod.
func TestBothWaysMakeTheSamePod(t *testing.T) {
	for _, containers := range []int{1, 20} {
		var made []*corev1.Pod
		for _, way := range []string{webhook, native} {
			p, err := create(t.Context(), way, pod(way, containers, 1), metav1.DryRunAll)
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, p)
		}
		drawn := func(p *corev1.Pod) string {
			for _, v := range p.Spec.Volumes {
				if v.Projected != nil {
					return v.Name
				}
			}
			return ""
		}
		for i := range made {
			name := drawn(made[i])
			for j := range made[i].Spec.Volumes {
				made[i].Spec.Volumes[j].Name = strings.Replace(made[i].Spec.Volumes[j].Name, name, "drawn", 1)
			}
			for _, c := range made[i].Spec.Containers {
				for j := range c.VolumeMounts {
					c.VolumeMounts[j].Name = strings.Replace(c.VolumeMounts[j].Name, name, "drawn", 1)
				}
			}
		}
		if diff := cmp.Diff(made[0].Spec, made[1].Spec); diff != "" {
			t.Errorf("%d containers (-webhook +native):\n%s", containers, diff)
		}
	}
}

// BenchmarkCreate does a round with a turn of each way in each iteration.
func BenchmarkCreate(b *testing.B) {
	for _, c := range []struct {
		name                                    string
		containers, env, connections, creations int
	}{
		{"small, c=8", 1, 0, 8, 400},
		{"small, c=1", 1, 0, 1, 150},
		{"20-containers, c=8", 20, 33, 8, 60},
	} {
		b.Run(strings.ReplaceAll(c.name, ", ", "/"), func(b *testing.B) {
			r := results.row(c.name)
			for b.Loop() {
				round := map[string]float64{}
				for i := range ways {
					way := ways[(i+len(r.rounds))%len(ways)]
					took, err := turn(b.Context(), way, pod(way, c.containers, c.env), c.connections, c.creations)
					if err != nil {
						b.Fatal(err)
					}
					round[way] = took
				}
				r.rounds = append(r.rounds, round)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(r.median(func(f map[string]float64) float64 { return f[webhook] }), "ms/create")
			b.ReportMetric(r.ratio(webhook, native), "webhook/native")
		})
	}
}

// turn creates pods over some connections, and returns the milliseconds that each took.
func turn(ctx context.Context, way string, pod *corev1.Pod, connections, creations int) (float64, error) {
	var group sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(creations))
	errs := make([]error, connections)
	began := time.Now()
	for i := range connections {
		group.Go(func() {
			for errs[i] == nil && left.Add(-1) >= 0 {
				_, errs[i] = create(ctx, way, pod)
			}
		})
	}
	group.Wait()
	took := time.Since(began)
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return 0, fmt.Errorf("%s: %w", way, errs[i])
	}
	err := clients.CoreV1().Pods(way).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: new(int64)}, metav1.ListOptions{})
	return float64(took) / float64(time.Millisecond) / float64(creations), err
}
