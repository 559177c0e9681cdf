// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
)

const hook = "inject.pillion.dev"

func clients(t *testing.T) kubernetes.Interface {
	t.Helper()
	c, err := kubernetes.NewForConfig(plane.Config())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// create makes a pod with annotations in the namespace default, as a dry run.
func create(t *testing.T, annotations map[string]string) (*corev1.Pod, error) {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "web-", Annotations: annotations},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx"}}},
	}
	return clients(t).CoreV1().Pods("default").Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
}

func wantsGit() map[string]string {
	return map[string]string{
		"git-poller.pillion.dev/repo":       "https://github.com/acme/site.git",
		"git-poller.pillion.dev/mount-path": "/usr/share/nginx/html",
	}
}

// calls is how often the API server says it has called the webhook.
func calls(t *testing.T) float64 {
	t.Helper()
	m, err := plane.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m.Sum("apiserver_admission_webhook_request_total", map[string]string{"name": hook})
}

func TestTheWebhookIsCalledOnlyForPodsThatAsk(t *testing.T) {
	tests := []struct {
		key  string
		want float64
	}{
		{"pillion.dev/inject", 1},
		{"git-poller.pillion.dev/repo", 1},
		{"docs.git-poller.pillion.dev/repo", 1},
		{"Git-Poller.Pillion.dev/repo", 1}, // the API server takes any case, so we must answer
		{"PILLION.DEV/inject", 1},
		{"", 0},
		{"notpillion.dev/inject", 0},
		{"pillion.dev.example.com/inject", 0},
		{"pillion.developer/inject", 0},
		{"example.com/pillion.dev", 0},
		{"pillion.dev", 1}, // meant for us, and denied
	}
	for _, tc := range tests {
		t.Run("key "+tc.key, func(t *testing.T) {
			annotations := map[string]string{tc.key: "git-poller.pillion.dev/"}
			if tc.key == "" {
				annotations = nil
			}
			before := calls(t)
			_, err := create(t, annotations)
			if got := calls(t) - before; got != tc.want {
				t.Errorf("called %v times, want %v", got, tc.want)
			}
			if tc.want == 0 && err != nil {
				t.Errorf("denied: %v", err)
			}
		})
	}
}

// A pod that never asked must not be denied by our matchConditions either. The
// cost of an expression grows with the number of annotations, and above a limit
// the API server denies the pod. The time that it takes grows with the square of the
// number: 30,000 take 12 s on a busy machine, and no request may last for 34.
func TestManyAnnotationsDoNotCostAPodItsLife(t *testing.T) {
	annotations := map[string]string{}
	for i := range 20_000 {
		annotations[fmt.Sprintf("k%x", i)] = ""
	}
	if _, err := create(t, annotations); err != nil {
		t.Error(err)
	}
}

func TestWhileTheWebhookIsDownOnlyPodsThatAskAreDenied(t *testing.T) {
	if err := plane.Webhook.Stop(); err != nil {
		t.Fatal(err)
	}
	_, err := create(t, wantsGit())
	if !apierrors.IsInternalError(err) || !strings.Contains(err.Error(), hook) {
		t.Errorf("error %v, want an internal one that names %s", err, hook)
	}
	if _, err := create(t, map[string]string{"example.com/other": "x"}); err != nil {
		t.Errorf("a pod that does not ask: %v", err)
	}
	if err := plane.Webhook.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	pod, err := create(t, wantsGit())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(pod.Spec.InitContainers); n != 1 {
		t.Errorf("%d init containers after the restart, want the injected one", n)
	}
}

func TestWhatHappenedCanBeReadInMetricsLogAndAudit(t *testing.T) {
	count := func() float64 {
		m, err := plane.Webhook.Metrics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return m.Sum("pillion_admission_requests_total", map[string]string{"result": "Injected"})
	}
	before := count()
	const namespace = "audited"
	if err := plane.Namespace(t.Context(), namespace, nil); err != nil {
		t.Fatal(err)
	}
	annotations, err := json.Marshal(wantsGit())
	if err != nil {
		t.Fatal(err)
	}
	manifest := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "annotations": %s},
		"spec": {"containers": [{"name": "web", "image": "nginx"}]}}`, annotations)
	if _, _, err := plane.Kubectl(t.Context(), manifest, "create", "-n", namespace, "-f", "-"); err != nil {
		t.Fatal(err)
	}
	if got := count() - before; got != 1 {
		t.Errorf("the webhook counts %v injections, want 1", got)
	}
	event, err := plane.AwaitAudit(t.Context(), func(e AuditEvent) bool {
		return e.ObjectRef.Namespace == namespace && e.ObjectRef.Resource == "pods"
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := event.Annotations[hook+"/result"]; got != "Injected" {
		t.Errorf("the audit log has result %q among %v, want Injected", got, event.Annotations)
	}
	log, err := plane.Webhook.Logs()
	if err != nil || !strings.Contains(log, `"namespace":"audited"`) {
		t.Errorf("the log does not name the namespace (error %v):\n%s", err, log)
	}
}

// The base has to be taken whole by a real API server: its pods pass the Pod
// Security level of their own namespace, and its flags are flags of the webhook.
func TestTheManifestsOfConfigWebhookWork(t *testing.T) {
	objects, err := plane.Manifests(t.Context(), "config/webhook")
	if err != nil {
		t.Fatal(err)
	}
	var args []string
	for _, object := range objects {
		if object.GetKind() == mutating || object.GetKind() == validating {
			continue // installed already, with another address
		}
		manifest, err := object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		_, warnings, err := plane.Kubectl(t.Context(), string(manifest), "create", "-f", "-")
		if err != nil || warnings != "" {
			t.Errorf("%s: error %v, warnings %q", object.GetKind(), err, warnings)
		}
		if object.GetKind() == "Deployment" {
			args = deploymentArgs(t, object)
		}
	}
	out, err := exec.CommandContext(t.Context(), plane.Webhook.path, append(args, "--version")...).CombinedOutput()
	if err != nil || len(args) == 0 {
		t.Errorf("the webhook denies the Deployment's flags %q: %v\n%s", args, err, out)
	}
	if !plane.HasControllers() {
		t.Skip("no kube-controller-manager: whether the Deployment makes pods is not seen")
	}
	err = poll(t.Context(), func(ctx context.Context) error {
		pods, err := clients(t).CoreV1().Pods("pillion-system").List(ctx, metav1.ListOptions{})
		if err == nil && len(pods.Items) != 2 {
			err = errors.New("the Deployment has not made its two pods")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// deploymentArgs are the arguments of the one container, with its variables in place as the
// kubelet puts them there.
func deploymentArgs(t *testing.T, object unstructured.Unstructured) []string {
	t.Helper()
	var d appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Spec.Template.Spec.Containers) != 1 {
		t.Fatalf("containers %v; want one", d.Spec.Template.Spec.Containers)
	}
	c := &d.Spec.Template.Spec.Containers[0]
	for i := range c.Args {
		for _, e := range c.Env {
			c.Args[i] = strings.ReplaceAll(c.Args[i], "$("+e.Name+")", e.Value)
		}
	}
	return c.Args
}

func TestRedirectChangesNothingButTheClientConfig(t *testing.T) {
	objects, err := plane.Manifests(t.Context(), "config/webhook")
	if err != nil {
		t.Fatal(err)
	}
	written := objects[slices.IndexFunc(objects, func(o unstructured.Unstructured) bool { return o.GetKind() == mutating })]
	redirected := *written.DeepCopy()
	name, err := plane.redirect(&redirected)
	if err != nil || name != hook {
		t.Fatalf("name %q, error %v; want %q", name, err, hook)
	}
	for _, o := range []unstructured.Unstructured{written, redirected} {
		for _, webhook := range o.Object["webhooks"].([]any) {
			delete(webhook.(map[string]any), "clientConfig")
		}
	}
	if !maps.EqualFunc(written.Object, redirected.Object, func(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
		t.Errorf("got %v, want %v", redirected, written)
	}
}
