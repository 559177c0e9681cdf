// SPDX-License-Identifier: Apache-2.0

package guards

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/pillion-dev/pillion/test/controlplane"
)

// What is set once, before any test runs.
var (
	plane   *controlplane.Plane
	clients *kubernetes.Clientset
)

// guardOnly is a namespace that the webhook leaves alone and the guards do not.
const guardOnly = "pillion-system"

// mayLabel is a group that may give namespaces a policy, with a name that would end an
// expression early if it were put there as it is.
const mayLabel = `plat"form\team's`

// values are those of the chart that all tests share.
var values = map[string]any{
	"labelGuard": map[string]any{"enabled": true, "groups": []any{"system:masters", mayLabel}},
	"policies": map[string]any{
		"strict": map[string]any{"require": []any{
			map[string]any{"helper": "date-writer", "instance": "clock", "options": map[string]any{"mount-path": "/clock", "wait": false}},
			map[string]any{"helper": "ipc", "options": map[string]any{"process": "true"}},
		}},
		"roomy": map[string]any{"helpers": map[string]any{"git-poller": map[string]any{"resources": map[string]any{
			"requests": map[string]any{"cpu": 1, "memory": "1Gi"}, "limits": map[string]any{"cpu": 1.5, "memory": 1 << 30},
		}}}},
		"bounded": map[string]any{"helpers": map[string]any{
			"git-poller": map[string]any{"resources": map[string]any{"memory": map[string]any{"default": "64Mi", "max": "512Mi"}}}, "seed": map[string]any{},
		}},
		"nested": map[string]any{"helpers": map[string]any{
			"log": map[string]any{"resources": map[string]any{"memory": map[string]any{"default": "64Mi", "max": "8Gi"}}}, "log-shipper": map[string]any{},
		}},
		"lenient": map[string]any{"enforcement": "Warn", "require": []any{map[string]any{"helper": "start"}}},
	},
	"helpers": map[string]any{"seed": seed, "log": logger, "log-shipper": logger},
}

// logger is a helper of the platform, under two names of which one begins with the other.
var logger = map[string]any{
	"description": "Ships lines.", "run": "Sidecar",
	"container": map[string]any{"image": "registry.acme.example/log:2026.11", "resources": map[string]any{
		"requests": map[string]any{"cpu": "50m", "memory": "64Mi"}, "limits": map[string]any{"cpu": "1", "memory": "256Mi"},
	}},
}

// seed is a helper of the platform that runs as an init container, as examples/helpers has one.
var seed = map[string]any{
	"description": "Fills a directory before the app starts.", "run": "Init",
	"container": map[string]any{"image": "registry.acme.example/seed:2026.11", "resources": map[string]any{
		"requests": map[string]any{"cpu": "50m", "memory": "64Mi"}, "limits": map[string]any{"cpu": "1", "memory": "256Mi"},
	}},
}

func TestMain(m *testing.M) {
	options := controlplane.Options{Controllers: true, Webhook: true}
	os.Exit(controlplane.Run(options, func(ctx context.Context, p *controlplane.Plane) int {
		plane = p
		if err := install(ctx, p); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}))
}

func install(ctx context.Context, p *controlplane.Plane) error {
	var err error
	if clients, err = kubernetes.NewForConfig(unlimited(p.Config())); err != nil {
		return err
	}
	if err := p.Namespace(ctx, guardOnly, nil); err != nil {
		return err
	}
	objects, err := guards(p.Root(), values)
	if err != nil {
		return err
	}
	for _, object := range objects {
		manifest, err := object.MarshalJSON()
		if err != nil {
			return err
		}
		if _, warnings, err := p.Kubectl(ctx, string(manifest), "create", "-f", "-"); err != nil || warnings != "" {
			return fmt.Errorf("%s %s: warnings %q: %w", object.GetKind(), object.GetName(), warnings, err)
		}
	}
	return awaitGuards(ctx)
}

// unlimited takes the client's own brake off.
func unlimited(config *rest.Config) *rest.Config {
	config.QPS = -1
	return config
}

// awaitGuards returns when a pod without what it asks for is denied. The API server
// learns of a policy in its own time.
func awaitGuards(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		err := tryPod(ctx, guardOnly, pod("probe", asking()))
		if isGuard(err) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the final-state guard is not in force: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// isGuard reports whether an error is a denial of one of the guards.
func isGuard(err error) bool {
	return err != nil && strings.Contains(err.Error(), "ValidatingAdmissionPolicy 'pillion-")
}

// tryPod asks the API server to create a pod, without storing it.
func tryPod(ctx context.Context, namespace string, p *corev1.Pod) error {
	_, err := clients.CoreV1().Pods(namespace).Create(ctx, p, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	return err
}

var namespaces atomic.Int64

// newNamespace makes a namespace of its own for a test.
func newNamespace(t testing.TB, labels map[string]string) string {
	t.Helper()
	name := fmt.Sprintf("test-%d", namespaces.Add(1))
	if err := plane.Namespace(t.Context(), name, labels); err != nil {
		t.Fatal(err)
	}
	return name
}

// asking are the annotations of a pod that asks for a git-poller.
func asking() map[string]string {
	return map[string]string{
		"git-poller.pillion.dev/repo":       "https://github.com/acme/site.git",
		"git-poller.pillion.dev/mount-path": "/usr/share/nginx/html",
	}
}

// pod is the smallest pod that an API server takes.
func pod(name string, annotations map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: annotations},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx:1.29"}}},
	}
}

// denied wants a pod to be denied with a sentence.
func denied(t *testing.T, namespace string, p *corev1.Pod, want string) {
	t.Helper()
	switch err := tryPod(t.Context(), namespace, p); {
	case err == nil:
		t.Errorf("the pod was admitted, want: %s", want)
	case !strings.Contains(err.Error(), want):
		t.Errorf("denied with\n%s\nwant\n%s", err, want)
	}
}
