// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	podsecurityapi "k8s.io/pod-security-admission/api"
	podsecurity "k8s.io/pod-security-admission/policy"
)

// podOf is the pod of the Deployment.
func podOf(t *testing.T, all []unstructured.Unstructured) corev1.PodTemplateSpec {
	t.Helper()
	deployments := ofKind[appsv1.Deployment](t, all, "Deployment")
	if len(deployments) != 1 {
		t.Fatalf("%d Deployments, want one", len(deployments))
	}
	return deployments[0].Spec.Template
}

// pods are all pods that may come of what is rendered, by the object they come of.
func pods(t *testing.T, all []unstructured.Unstructured) map[string]corev1.PodTemplateSpec {
	t.Helper()
	out := map[string]corev1.PodTemplateSpec{"Deployment": podOf(t, all)}
	for _, p := range ofKind[corev1.Pod](t, all, "Pod") {
		out["Pod "+p.Name] = corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec}
	}
	for _, j := range ofKind[batchv1.Job](t, all, "Job") {
		out["Job "+j.Name] = j.Spec.Template
	}
	for _, j := range ofKind[batchv1.CronJob](t, all, "CronJob") {
		out["CronJob "+j.Name] = j.Spec.JobTemplate.Spec.Template
	}
	return out
}

// The evaluator is the admission plugin's own. The node's network alone is more than the
// level allows, and only where values ask for it.
func TestEveryPodIsRestricted(t *testing.T) {
	t.Parallel()
	evaluator, err := podsecurity.NewEvaluator(podsecurity.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := podsecurityapi.LevelVersion{Level: podsecurityapi.LevelRestricted, Version: podsecurityapi.LatestVersion()}
	for name, values := range cases(t) {
		for of, pod := range pods(t, objects(t, values)) {
			if pod.Spec.HostNetwork != (values["hostNetwork"] == true && of == "Deployment") {
				t.Errorf("%s: %s has hostNetwork %v", name, of, pod.Spec.HostNetwork)
			}
			if pod.Spec.HostNetwork {
				pod.Spec.HostNetwork = false
				for i := range pod.Spec.Containers[0].Ports {
					pod.Spec.Containers[0].Ports[i].HostPort = 0
				}
			}
			result := podsecurity.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec))
			if !result.Allowed {
				t.Errorf("%s: %s: %s", name, of, result.ForbiddenDetail())
			}
			for _, c := range pod.Spec.Containers {
				if s := c.SecurityContext; s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
					t.Errorf("%s: %s: the container %s can write to its root", name, of, c.Name)
				}
			}
		}
	}
}

// There are no credentials to confuse or to steal.
func TestServingPodsHaveNoRights(t *testing.T) {
	t.Parallel()
	for name, values := range cases(t) {
		all := objects(t, values)
		pod := podOf(t, all).Spec
		if token := pod.AutomountServiceAccountToken; token == nil || *token {
			t.Errorf("%s: the pods mount a token", name)
		}
		for _, account := range ofKind[corev1.ServiceAccount](t, all, "ServiceAccount") {
			if token := account.AutomountServiceAccountToken; account.Name == pod.ServiceAccountName && (token == nil || *token) {
				t.Errorf("%s: the ServiceAccount offers a token", name)
			}
		}
		bindings := ofKind[rbacv1.RoleBinding](t, all, "RoleBinding")
		for _, b := range ofKind[rbacv1.ClusterRoleBinding](t, all, "ClusterRoleBinding") {
			bindings = append(bindings, rbacv1.RoleBinding{ObjectMeta: b.ObjectMeta, Subjects: b.Subjects})
		}
		for _, b := range bindings {
			for _, s := range b.Subjects {
				if s.Kind != "ServiceAccount" || s.Name == pod.ServiceAccountName {
					t.Errorf("%s: %s gives rights to %s %s", name, b.Name, s.Kind, s.Name)
				}
			}
		}
		for _, p := range ofKind[networkingv1.NetworkPolicy](t, all, "NetworkPolicy") {
			if p.Name == pod.ServiceAccountName && (len(p.Spec.Egress) > 0 || len(p.Spec.PolicyTypes) != 2) {
				t.Errorf("%s: something may go out: %v", name, p.Spec)
			}
		}
	}
}

// What only the test needs is there for the test only.
func TestRightsOfTheHelmTestLastAsLongAsIt(t *testing.T) {
	t.Parallel()
	for name, values := range cases(t) {
		for _, o := range objects(t, values) {
			if !strings.HasSuffix(strings.TrimSuffix(o.GetName(), "-pods"), "-test") {
				continue
			}
			a := o.GetAnnotations()
			if a["helm.sh/hook"] != "test" || a["helm.sh/hook-delete-policy"] != "before-hook-creation,hook-succeeded" {
				t.Errorf("%s: %s %s has the annotations %v", name, o.GetKind(), o.GetName(), a)
			}
		}
	}
}

// The garbage collector waits for more only where a limit of memory hurries it again.
func TestGOMEMLIMITIsNineTenthsOfTheLimit(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]string{
		``:                                    "GOGC=400 GOMEMLIMIT=241591910",
		`resources: {limits: {memory: 1Gi}}`:  "GOGC=400 GOMEMLIMIT=966367641",
		`resources: {limits: {memory: 500M}}`: "GOGC=400 GOMEMLIMIT=450000000",
		`resources: {limits: {memory: 536870912}}`: "GOGC=400 GOMEMLIMIT=483183820",
		`resources: {limits: {memory: null}}`:      "",
		`resources: {limits: null}`:                "",
	} {
		t.Run(values, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, e := range podOf(t, objects(t, parseValues(t, values))).Spec.Containers[0].Env {
				if strings.HasPrefix(e.Name, "GO") {
					got = append(got, e.Name+"="+e.Value)
				}
			}
			if got := strings.Join(got, " "); got != want {
				t.Errorf("the environment is %q, want %q", got, want)
			}
		})
	}
}
