// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// deployment is the smallest Deployment, with annotations on its pod template and on
// itself.
func deployment(template, own map[string]string) string {
	return workload("apps/v1", "Deployment", template, own)
}

// workload is the smallest object of a kind with a pod template, which makes no pods.
func workload(apiVersion, kind string, template, own map[string]string) string {
	labels := map[string]string{"app": "web"}
	podSpec := map[string]any{"containers": []any{map[string]any{"name": "web", "image": "nginx:1.29"}}}
	spec := map[string]any{"template": map[string]any{"metadata": map[string]any{"labels": labels, "annotations": template}, "spec": podSpec}}
	switch kind {
	case "ReplicationController":
		spec["replicas"] = 0
		spec["selector"] = labels
	case "PodTemplate":
	case "Deployment", "StatefulSet", "ReplicaSet":
		spec["replicas"] = 0
		fallthrough
	case "DaemonSet":
		spec["selector"] = map[string]any{"matchLabels": labels}
	default:
		podSpec["restartPolicy"] = "Never"
		spec["suspend"] = true
	}
	if kind == "CronJob" {
		spec = map[string]any{"schedule": "@daily", "suspend": true, "jobTemplate": map[string]any{"spec": spec}}
	}
	object := map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": "web", "annotations": own}, "spec": spec}
	if kind == "PodTemplate" {
		delete(object, "spec")
		object["template"] = spec["template"]
	}
	manifest, err := json.Marshal(object)
	if err != nil {
		panic(err) // maps and texts alone
	}
	return string(manifest)
}

// kubectl must succeed, and returns what a person is told on standard error.
func kubectl(t *testing.T, stdin string, args ...string) (warnings string) {
	t.Helper()
	_, warnings, err := plane.Kubectl(t.Context(), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return warnings
}

const willGet = "Warning: pillion: policy default: each pod gets pillion-git-poller (for web)\n"

func TestEveryKindOfWorkloadIsAnswered(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	for _, c := range []struct{ apiVersion, kind, template string }{
		{"apps/v1", "Deployment", "spec.template"},
		{"apps/v1", "StatefulSet", "spec.template"},
		{"apps/v1", "DaemonSet", "spec.template"},
		{"apps/v1", "ReplicaSet", "spec.template"},
		{"batch/v1", "Job", "spec.template"},
		{"batch/v1", "CronJob", "spec.jobTemplate.spec.template"},
		{"v1", "ReplicationController", "spec.template"},
		{"v1", "PodTemplate", "template"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(willGet, kubectl(t, workload(c.apiVersion, c.kind, asking(), nil), "apply", "-n", ns, "-f", "-")); diff != "" {
				t.Errorf("what kubectl says (-want +got):\n%s", diff)
			}
			got := kubectl(t, workload(c.apiVersion, c.kind, nil, map[string]string{gitMount: "/srv"}), "create", "--dry-run=server", "-n", newNamespace(t, nil), "-f", "-")
			want := "Warning: pillion: " + gitMount + " does nothing on the " + c.kind + " itself; move to " + c.template + ".metadata.annotations\n"
			if diff := cmp.Diff(want, strings.ReplaceAll(got, "\nWarning: pillion:  ", "")); diff != "" {
				t.Errorf("what kubectl says (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNewIsSaidOnce(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	apply := func(manifest string) string { return kubectl(t, manifest, "apply", "-n", ns, "-f", "-") }
	manifest := deployment(asking(), nil)
	for _, step := range []struct{ name, said, want string }{
		{"a new workload", apply(manifest), willGet},
		{"the same again", apply(manifest), ""},
		{"another number of replicas, applied", apply(strings.Replace(manifest, `"replicas":0`, `"replicas":1`, 1)), ""},
		{"a scale", kubectl(t, "", "scale", "-n", ns, "deployment/web", "--replicas=2"), ""},
		{"a label", kubectl(t, "", "label", "-n", ns, "deployment/web", "team=shop"), ""},
		{"another image", kubectl(t, "", "set", "image", "-n", ns, "deployment/web", "web=nginx:1.30"), willGet},
		{"a restart", kubectl(t, "", "rollout", "restart", "-n", ns, "deployment/web"), willGet},
	} {
		if diff := cmp.Diff(step.want, step.said); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

// What a controller writes is read by nobody: of a Deployment with its ReplicaSet and
// pod, a CronJob, and the Job that somebody makes of it by hand, only what the person
// wrote is asked about.
func TestOnlyPeopleAreWarned(t *testing.T) { // alone: it counts calls
	needControllers(t)
	ns := newNamespace(t, nil)
	got := called(t, func() {
		kubectl(t, strings.Replace(deployment(asking(), nil), `"replicas":0`, `"replicas":1`, 1), "create", "-n", ns, "-f", "-")
		await(t, "the Deployment's pod", func() bool {
			pods, err := clients.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
			return err == nil && len(pods.Items) == 1
		})
		kubectl(t, workload("batch/v1", "CronJob", asking(), nil), "create", "-n", ns, "-f", "-")
		kubectl(t, "", "create", "job", "-n", ns, "by-hand", "--from=cronjob/web") // a person's, although it has the CronJob for an owner
	})
	delete(got, "inject.pillion.dev")
	if diff := cmp.Diff(map[string]float64{"warn.pillion.dev": 3}, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestWorkloadsThatAskForNothingAreNotSentToUs(t *testing.T) { // alone: it counts calls
	ns := newNamespace(t, nil)
	for name, annotations := range map[string]map[string]string{
		"none":    nil,
		"foreign": {"example.com/a": "pillion.dev/", "kubectl.kubernetes.io/b": "x"},
	} {
		if got := called(t, func() {
			kubectl(t, deployment(annotations, annotations), "create", "--dry-run=server", "-n", ns, "-f", "-")
		}); len(got) > 0 {
			t.Errorf("a Deployment with %s annotations caused the calls %v", name, got)
		}
	}
	if got := called(t, func() {
		kubectl(t, deployment(map[string]string{"git-poller.pilion.dev/repo": "x"}, nil), "create", "--dry-run=server", "-n", ns, "-f", "-")
	}); got["warn.pillion.dev"] != 1 {
		t.Errorf("a misspelt domain caused the calls %v", got)
	}
}

// The conditions cost something for each annotation, and above a limit the API server
// gives up on them. Then nobody is warned, and nothing else happens.
func TestManyAnnotationsDoNotCostAWorkloadItsLife(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	many := map[string]string{}
	for i := range 15_000 {
		many[fmt.Sprintf("k%x", i)] = ""
	}
	kubectl(t, deployment(many, many), "create", "-n", ns, "-f", "-")
}

func TestWithTheWebhookDownNobodyMissesTheWarnings(t *testing.T) { // alone: it stops the webhook
	ns := newNamespace(t, nil)
	if err := plane.Webhook.Stop(); err != nil {
		t.Fatal(err)
	}
	said := kubectl(t, deployment(asking(), nil), "create", "-n", ns, "-f", "-")
	label(t, ns, "wbe")
	if err := plane.Webhook.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if said != "" {
		t.Errorf("kubectl says %s", said)
	}
}
