// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func deploymentOf(t *testing.T, replicas, available int, conditions string) *appsv1.Deployment {
	t.Helper()
	return decoded[appsv1.Deployment](t, fmt.Sprintf("{metadata: {name: pillion-webhook, namespace: pillion-system}, spec: {replicas: %[1]d, selector: {matchLabels: {a: b}}, "+
		"template: {metadata: {labels: {a: b}}}}, status: {updatedReplicas: %[1]d, availableReplicas: %[2]d, conditions: [%[3]s]}}", replicas, available, conditions))
}

func TestReplicas(t *testing.T) {
	t.Parallel()
	running := func(node string) corev1.Pod {
		return *decoded[corev1.Pod](t, "{metadata: {name: p-"+node+"}, spec: {containers: [], nodeName: "+node+"}}")
	}
	waiting := *decoded[corev1.Pod](t, "{metadata: {name: p}, spec: {containers: []}, status: {containerStatuses: [{name: webhook, image: x, imageID: x, ready: false, restartCount: 0, "+
		"state: {waiting: {reason: ImagePullBackOff, message: no such image}}}]}}")
	ending := func(node string) corev1.Pod {
		p := running(node)
		p.DeletionTimestamp = &metav1.Time{}
		return p
	}
	crashed := *decoded[corev1.Pod](t, "{metadata: {name: p}, spec: {containers: []}, status: {containerStatuses: [{name: webhook, image: x, imageID: x, ready: false, restartCount: 0, "+
		"state: {terminated: {exitCode: 1}}}]}}")
	stuck := deploymentOf(t, 2, 2, "")
	stuck.Status.UpdatedReplicas = 1
	unscheduled := *decoded[corev1.Pod](t, `{metadata: {name: p}, spec: {containers: []}, status: {conditions: [{type: PodScheduled, status: "False", message: 0/3 nodes are available}]}}`)
	for name, c := range map[string]struct {
		deployment *appsv1.Deployment
		pods       []corev1.Pod
		want       string
	}{
		"two on two nodes": {deploymentOf(t, 2, 2, ""), []corev1.Pod{running("a"), running("b")}, "ok replicas: 2 of 2 ready, on 2 nodes\n"},
		"two on one node":  {deploymentOf(t, 2, 2, ""), []corev1.Pod{running("a"), running("a")}, "warning replicas: all 2 replicas are on the node a, and are lost with it\n"},
		"two on one node, and those of before on another": {
			deploymentOf(t, 2, 2, ""),
			[]corev1.Pod{ending("b"), running("a"), running("a")},
			"warning replicas: all 2 replicas are on the node a, and are lost with it\n",
		},
		"one": {deploymentOf(t, 1, 1, ""), nil, "warning replicas: the Deployment pillion-webhook has one replica: when it goes, pods that ask for a helper are denied until another one is ready\n"},
		"a rollout that cannot end": {
			stuck,
			[]corev1.Pod{running("a"), running("b"), crashed},
			"failed replicas: the rollout of the Deployment pillion-webhook has replaced 1 of 2 replicas: p has ended with exit code 1\n",
		},
		"one of two":        {deploymentOf(t, 2, 1, ""), []corev1.Pod{running("a"), waiting}, "warning replicas: 1 of 2 replicas of the Deployment pillion-webhook are ready: p waits: no such image\n"},
		"no image":          {deploymentOf(t, 2, 0, ""), []corev1.Pod{waiting}, "failed replicas: none of the 2 replicas of the Deployment pillion-webhook is ready: p waits: no such image\n"},
		"no room":           {deploymentOf(t, 2, 0, ""), []corev1.Pod{unscheduled}, "failed replicas: none of the 2 replicas of the Deployment pillion-webhook is ready: p is not scheduled: 0/3 nodes are available\n"},
		"no pods allowed":   {deploymentOf(t, 2, 0, `{type: ReplicaFailure, status: "True", message: exceeded quota}`), nil, "failed replicas: none of the 2 replicas of the Deployment pillion-webhook is ready: exceeded quota\n"},
		"scaled to nothing": {deploymentOf(t, 0, 0, ""), nil, "failed replicas: the Deployment pillion-webhook is scaled to 0\n"},
		"no Deployment":     {nil, nil, "warning replicas: no Deployment of the namespace pillion-system makes pods that the Service pillion-system/pillion-webhook selects\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := at(Replicas, fake{})
			l.installed = &answer[installed]{value: installed{deployment: c.deployment, pods: c.pods}}
			if err := l.replicas(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, l.said()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	const always = ", unhealthyPodEvictionPolicy: AlwaysAllow"
	budget := func(rule string) string {
		return "{metadata: {name: b}, spec: {selector: {matchLabels: {a: b}}" + rule + "}}"
	}
	const blocked = "so nodes with one cannot be drained\n"
	for name, c := range map[string]struct{ list, want string }{
		"one at a time":          {budget(", maxUnavailable: 1" + always), "ok disruption-budget: b: maxUnavailable 1\n"},
		"half":                   {budget(", minAvailable: 50%" + always), "ok disruption-budget: b: minAvailable 50%\n"},
		"all have to stay":       {budget(", minAvailable: 2" + always), "warning disruption-budget: the PodDisruptionBudget b lets no replica go (minAvailable 2), " + blocked},
		"none may go":            {budget(", maxUnavailable: 0%" + always), "warning disruption-budget: the PodDisruptionBudget b lets no replica go (maxUnavailable 0%), " + blocked},
		"a little is one":        {budget(", maxUnavailable: 1%" + always), "ok disruption-budget: b: maxUnavailable 1%\n"},
		"the default":            {budget(always), "ok disruption-budget: b: minAvailable 1\n"},
		"broken ones hold it up": {budget(", maxUnavailable: 1"), "warning disruption-budget: the PodDisruptionBudget b protects replicas that are not ready, so broken ones hold up the draining of nodes\n"},
		"of others": {
			"{metadata: {name: o}, spec: {selector: {matchLabels: {a: c}}, maxUnavailable: 1}}",
			"warning disruption-budget: no PodDisruptionBudget covers the replicas, so draining nodes may take all of them at once\n",
		},
		"two": {
			budget(always) + ", " + budget(always),
			"warning disruption-budget: more than one PodDisruptionBudget covers the replicas (b and b), and then the API server evicts none: nodes cannot be drained\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := at(Budget, fake{objects: map[string]string{"/apis/policy/v1/namespaces/pillion-system/poddisruptionbudgets": "[" + c.list + "]"}})
			l.installed = &answer[installed]{value: installed{deployment: deploymentOf(t, 2, 2, "")}}
			if err := l.budget(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, l.said()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
