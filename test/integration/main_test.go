// SPDX-License-Identifier: Apache-2.0

// Package integration proves the main path on a real kube-apiserver, with the real
// webhook binary and the webhook configurations of config/webhook and examples/policies.
package integration

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/pillion-dev/pillion/test/controlplane"
)

// overlay is config/webhook with the policies default, which is the built-in one, trial,
// which only warns, web, audited, which requires a helper, and assisted, which adds one by
// default.
const overlay = "examples/policies"

// plane and clients are set once, before any test runs.
var (
	plane   *controlplane.Plane
	clients *kubernetes.Clientset
)

func TestMain(m *testing.M) {
	options := controlplane.Options{Controllers: true, Webhook: true, Manifests: overlay, PolicyDir: "../../" + overlay + "/policies"}
	os.Exit(controlplane.Run(options, func(_ context.Context, p *controlplane.Plane) int {
		plane = p
		var err error
		config := p.Config()
		config.QPS = -1 // no waiting in the client
		if clients, err = kubernetes.NewForConfig(config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}))
}

var namespaces atomic.Int64

// newNamespace makes a namespace of its own for a test.
func newNamespace(t *testing.T, labels map[string]string) string {
	t.Helper()
	name := fmt.Sprintf("test-%d", namespaces.Add(1))
	if err := plane.Namespace(t.Context(), name, labels); err != nil {
		t.Fatal(err)
	}
	return name
}

// needControllers skips a test where KUBEBUILDER_ASSETS has no kube-controller-manager.
// What test/cluster builds has one, so nothing is skipped in CI.
func needControllers(t *testing.T) {
	t.Helper()
	if !plane.HasControllers() {
		t.Skip("KUBEBUILDER_ASSETS has no kube-controller-manager, so nothing makes the pods of a workload")
	}
}

const (
	gitRepo   = "git-poller.pillion.dev/repo"
	gitMount  = "git-poller.pillion.dev/mount-path"
	dateMount = "date-writer.pillion.dev/mount-path"
)

// asking are the annotations of a pod that asks for a git-poller.
func asking() map[string]string {
	return map[string]string{gitRepo: "https://github.com/acme/site.git", gitMount: "/usr/share/nginx/html"}
}

// pod is the smallest pod that an API server takes.
func pod(name string, annotations map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: annotations},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx:1.29"}}},
	}
}

// create makes a pod and returns what the API server stored.
func create(t *testing.T, namespace string, p *corev1.Pod) *corev1.Pod {
	t.Helper()
	made, err := clients.CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("creating the pod: %v", err)
	}
	stored, err := clients.CoreV1().Pods(namespace).Get(t.Context(), made.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatalf("reading the pod back: %v", err)
	}
	return stored
}

// createError makes a pod that must be denied and returns what the client was told.
func createError(t *testing.T, namespace string, p *corev1.Pod) string {
	t.Helper()
	_, err := clients.CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{})
	if err == nil {
		t.Fatal("the pod was created; it should have been denied")
	}
	return err.Error()
}

// helper finds one of our containers in a pod; there must be exactly one of the name.
func helper(t *testing.T, p *corev1.Pod, name string) corev1.Container {
	t.Helper()
	var found []corev1.Container
	for _, c := range p.Spec.InitContainers {
		if c.Name == name {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		t.Fatalf("the pod has %d init containers named %s, want 1; it has %s", len(found), name, initNames(p))
	}
	return found[0]
}

func initNames(p *corev1.Pod) string {
	var names []string
	for _, c := range p.Spec.InitContainers {
		names = append(names, c.Name)
	}
	return "[" + strings.Join(names, " ") + "]"
}

// mounts lists a container's mounts as "volume:path", without the token's.
func mounts(c corev1.Container) string {
	var all []string
	for _, m := range c.VolumeMounts {
		if !strings.HasPrefix(m.Name, "kube-api-access-") {
			all = append(all, m.Name+":"+m.MountPath)
		}
	}
	return strings.Join(all, " ")
}
