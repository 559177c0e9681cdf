// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/test/controlplane"
)

// entries are the webhooks of examples/policies that a pod and a workload can reach.
var (
	podEntries = []string{
		"inject.pillion.dev", "default.inject.pillion.dev", "web.inject.pillion.dev", "trial.inject.pillion.dev", "unknown.inject.pillion.dev",
		"audited.inject.pillion.dev", "assisted.inject.pillion.dev",
	}
	workloadEntries = []string{
		"warn.pillion.dev", "default.warn.pillion.dev", "web.warn.pillion.dev", "trial.warn.pillion.dev", "unknown.warn.pillion.dev",
		"audited.warn.pillion.dev", "assisted.warn.pillion.dev",
	}
)

// called says how often do makes the API server call which webhook, as it says itself.
func called(t *testing.T, do func()) map[string]float64 {
	t.Helper()
	count := func() map[string]float64 {
		m, err := plane.Metrics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		counts := map[string]float64{}
		for _, name := range append(append([]string{"namespace.warn.pillion.dev"}, podEntries...), workloadEntries...) {
			counts[name] = m.Sum("apiserver_admission_webhook_request_total", map[string]string{"name": name})
		}
		return counts
	}
	before := count()
	do()
	after := count()
	for name := range after {
		after[name] -= before[name]
	}
	maps.DeleteFunc(after, func(_ string, n float64) bool { return n == 0 })
	return after
}

func labelled(policy string) map[string]string {
	return map[string]string{"pillion.dev/policy": policy}
}

// selections are the labels that a namespace can have, and where its pods go.
var selections = []struct {
	name   string
	labels map[string]string
	entry  string // of the pods
	warn   string // of the workloads
	policy string
}{
	{"no label", nil, "inject.pillion.dev", "warn.pillion.dev", "default"},
	{"other labels alone", map[string]string{"team": "web", "pillion.dev/policies": "web"}, "inject.pillion.dev", "warn.pillion.dev", "default"},
	{"the default, spelled out", labelled("default"), "default.inject.pillion.dev", "default.warn.pillion.dev", "default"},
	{"web", labelled("web"), "web.inject.pillion.dev", "web.warn.pillion.dev", "web"},
	{"trial", labelled("trial"), "trial.inject.pillion.dev", "trial.warn.pillion.dev", "trial"},
	{"audited", labelled("audited"), "audited.inject.pillion.dev", "audited.warn.pillion.dev", "audited"},
	{"assisted", labelled("assisted"), "assisted.inject.pillion.dev", "assisted.warn.pillion.dev", "assisted"},
	{"a policy that does not exist", labelled("wbe"), "unknown.inject.pillion.dev", "unknown.warn.pillion.dev", "unknown"},
	{"another case", labelled("Web"), "unknown.inject.pillion.dev", "unknown.warn.pillion.dev", "unknown"},
	{"the reserved name", labelled("unknown"), "unknown.inject.pillion.dev", "unknown.warn.pillion.dev", "unknown"},
	{"an empty label", labelled(""), "unknown.inject.pillion.dev", "unknown.warn.pillion.dev", "unknown"},
}

func TestEachPodReachesExactlyOnePolicy(t *testing.T) { // alone: it counts calls
	for _, c := range selections {
		t.Run(c.name, func(t *testing.T) {
			ns := newNamespace(t, c.labels)
			var err error
			p := pod("web", asking())
			p.Spec.AutomountServiceAccountToken = new(false) // nobody changes the pod after us, so there is no second review
			got := called(t, func() {
				_, err = clients.CoreV1().Pods(ns).Create(t.Context(), p, metav1.CreateOptions{})
			})
			if diff := cmp.Diff(map[string]float64{c.entry: 1}, got); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if (err == nil) != (c.policy != "unknown") {
				t.Errorf("the pod was answered with %v", err)
			}
			audited(t, ns, "pods", c.entry, c.policy)
			silent := called(t, func() {
				bystander := pod("bystander", nil)
				bystander.Spec.AutomountServiceAccountToken = new(false)
				create(t, ns, bystander)
			})
			want := map[string]float64{}
			if c.policy == "audited" || c.policy == "assisted" { // whose helpers are for every pod
				want[c.entry] = 1
			}
			if diff := cmp.Diff(want, silent); diff != "" {
				t.Errorf("calls for a pod that asks for nothing (-want +got):\n%s", diff)
			}
		})
	}
}

// audited wants the API server's audit log to say that the entry, and no other, decided
// under the policy.
func audited(t *testing.T, ns, resource, entry, policy string) {
	t.Helper()
	event, err := plane.AwaitAudit(t.Context(), func(e controlplane.AuditEvent) bool {
		return e.Verb == "create" && e.ObjectRef.Namespace == ns && e.ObjectRef.Resource == resource
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for key, value := range event.Annotations {
		if owner, name, _ := strings.Cut(key, "/"); name == "policy" {
			got[owner] = value
		}
	}
	if diff := cmp.Diff(map[string]string{entry: policy}, got); diff != "" {
		t.Errorf("audited (-want +got):\n%s", diff)
	}
}

func TestTheClustersOwnNamespacesAreLeftAlone(t *testing.T) { // alone: it counts calls
	needControllers(t)
	for _, ns := range []string{"kube-system", "kube-node-lease"} {
		await(t, "the ServiceAccount of "+ns, func() bool {
			_, err := clients.CoreV1().ServiceAccounts(ns).Get(t.Context(), "default", metav1.GetOptions{})
			return err == nil
		})
		for _, labels := range []map[string]string{nil, labelled("default"), labelled("web"), labelled("audited"), labelled("wbe")} {
			label(t, ns, labels["pillion.dev/policy"])
			got := called(t, func() {
				if _, err := clients.CoreV1().Pods(ns).Create(t.Context(), pod("web", asking()), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
					t.Error(err)
				}
				if _, _, err := plane.Kubectl(t.Context(), deployment(asking(), nil), "create", "--dry-run=server", "-n", ns, "-f", "-"); err != nil {
					t.Error(err)
				}
			})
			if len(got) > 0 {
				t.Errorf("%s with the labels %v caused the calls %v", ns, labels, got)
			}
		}
		label(t, ns, "")
	}
}

// label gives a namespace a policy; "" takes the label away.
func label(t *testing.T, ns, policy string) (warnings string) {
	t.Helper()
	args := []string{"label", "namespace", ns, "--overwrite", "pillion.dev/policy=" + policy}
	if policy == "" {
		args[len(args)-1] = "pillion.dev/policy-"
	}
	_, warnings, err := plane.Kubectl(t.Context(), "", args...)
	if err != nil {
		t.Fatal(err)
	}
	return warnings
}

func TestEachPolicyDecidesInItsOwnNamespaces(t *testing.T) {
	t.Parallel()
	fast := func() *corev1.Pod {
		p := pod("web", asking())
		p.Annotations["git-poller.pillion.dev/period"] = "10s"
		return p
	}
	if p := create(t, newNamespace(t, nil), fast()); !strings.Contains(p.Annotations["pillion.dev/status"], `"policy":"default"`) {
		t.Errorf("the status is %s", p.Annotations["pillion.dev/status"])
	}
	web := newNamespace(t, labelled("web"))
	want := `admission webhook "web.inject.pillion.dev" denied the request: metadata.annotations[git-poller.pillion.dev/period]: ` +
		`Invalid value: "10s": policy "web" does not allow this value: the minimum is 30s; the platform team can change this in the policy, spec.helpers[git-poller].options[period]`
	if diff := cmp.Diff(want, createError(t, web, fast())); diff != "" {
		t.Errorf("the denial (-want +got):\n%s", diff)
	}
	p := create(t, web, pod("web", asking()))
	if !strings.Contains(p.Annotations["pillion.dev/status"], `"policy":"web"`) {
		t.Errorf("the status is %s", p.Annotations["pillion.dev/status"])
	}
}

func TestANamespaceWithAnUnknownPolicyIsAnsweredWithASentence(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, labelled("wbe"))
	want := fmt.Sprintf(`admission webhook "unknown.inject.pillion.dev" denied the request: metadata.namespace: Forbidden: `+
		`the label pillion.dev/policy of namespace %q names no policy; the policies are assisted, audited, default, trial, web; see: kubectl get namespace %s -L pillion.dev/policy`, ns, ns)
	if diff := cmp.Diff(want, createError(t, ns, pod("web", asking()))); diff != "" {
		t.Errorf("the denial (-want +got):\n%s", diff)
	}
	optedOut := create(t, ns, pod("opted-out", map[string]string{"pillion.dev/inject": "false"}))
	if len(optedOut.Spec.InitContainers) > 0 {
		t.Errorf("a pod that asks for nothing got %s", initNames(optedOut))
	}
}

func TestALabelThatNamesNoPolicyIsWarnedOfWhereItIsWritten(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	if got := label(t, ns, "web"); got != "" {
		t.Errorf("the label of a policy that exists is answered with %q", got)
	}
	want := "Warning: pillion: there is no policy \"wbe\", so pods of this namespace that ask for a helper will be denied; the policies are\n" +
		"Warning: pillion:   assisted, audited, default, trial, web; did you mean \"web\"?\n"
	if diff := cmp.Diff(want, label(t, ns, "wbe")); diff != "" {
		t.Errorf("the warning (-want +got):\n%s", diff)
	}
	if _, warnings, err := plane.Kubectl(t.Context(), "", "label", "namespace", ns, "team=shop"); err != nil || warnings != "" {
		t.Errorf("another label is answered with %q, %v", warnings, err)
	}
}
