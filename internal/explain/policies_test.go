// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/inject"
)

// entries are the webhooks as a cluster with a policy "web" has them: disjoint.
func entries() []admissionregistrationv1.MutatingWebhookConfiguration {
	one := func(policy string, s *metav1.LabelSelector) admissionregistrationv1.MutatingWebhookConfiguration {
		return webhook(policy, func(w *admissionregistrationv1.MutatingWebhook) { w.NamespaceSelector = s })
	}
	return []admissionregistrationv1.MutatingWebhookConfiguration{
		one("default", selector(PolicyLabel, metav1.LabelSelectorOpDoesNotExist)),
		one("web", selector(PolicyLabel, metav1.LabelSelectorOpIn, "web")),
		one("unknown", &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: PolicyLabel, Operator: metav1.LabelSelectorOpExists}, {Key: PolicyLabel, Operator: metav1.LabelSelectorOpNotIn, Values: []string{"web"}},
		}}),
	}
}

func TestHowAPolicyIsChosen(t *testing.T) {
	t.Parallel()
	byName := map[string]*inject.Policy{"default": policyOf(t, "default", "{}"), "web": policyOf(t, "web", "{}")}
	all := Policies{ByName: byName, Source: "policies"}
	for name, c := range map[string]struct {
		policies Policies
		cluster  *Cluster
		policy   string // "" if it does not exist
		choice   PolicyChoice
		findings []Code
	}{
		"without a cluster it is the default": {
			policies: all, policy: "default",
			choice: PolicyChoice{Name: "default", Source: "policies", Why: "a namespace without the label pillion.dev/policy has the policy default"},
		},
		"a namespace without the label has the default": {
			policies: all, cluster: clusterWith(nil, entries()...), policy: "default",
			choice: PolicyChoice{Name: "default", Source: "policies", Why: "the namespace shop has no label pillion.dev/policy; the webhook default.pillion.dev is sent its pods"},
		},
		"a namespace picks by its label": {
			policies: all, cluster: clusterWith(map[string]string{PolicyLabel: "web"}, entries()...), policy: "web",
			choice: PolicyChoice{Name: "web", Source: "policies", Why: "the namespace shop has the label pillion.dev/policy: web; the webhook web.pillion.dev is sent its pods"},
		},
		"a label that names no policy is said to": {
			policies: all, cluster: clusterWith(map[string]string{PolicyLabel: "wep"}, entries()...), policy: "",
			choice: PolicyChoice{Name: "wep", Source: "policies", Why: "the namespace shop has the label pillion.dev/policy: wep; the webhook unknown.pillion.dev is sent its pods"},
		},
		"a webhook that does not know of labels has its way": {
			policies: all, cluster: clusterWith(map[string]string{PolicyLabel: "web"}, webhook("default", nil)), policy: "default",
			choice:   PolicyChoice{Name: "default", Source: "policies", Why: "the namespace shop has the label pillion.dev/policy: web; the webhook default.pillion.dev is sent its pods"},
			findings: []Code{PolicyLabelIgnored},
		},
		"one that is named has its way": {
			policies: Policies{Only: byName["web"], Source: "web.yaml", Why: "it was named with --policy"}, cluster: clusterWith(nil, entries()...), policy: "web",
			choice:   PolicyChoice{Name: "web", Source: "web.yaml", Why: "it was named with --policy"},
			findings: nil,
		},
		"one that cannot be read is stood in for": {
			policies: Policies{ByName: map[string]*inject.Policy{"default": byName["default"]}, Source: "built in", Assumed: true, Why: "forbidden"},
			cluster:  clusterWith(map[string]string{PolicyLabel: "web"}, entries()...), policy: "default",
			choice:   PolicyChoice{Name: "web", Source: "built in", Why: "the namespace shop has the label pillion.dev/policy: web; the webhook web.pillion.dev is sent its pods", StandIn: true},
			findings: []Code{PolicyNotKnown},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, findings := c.policies.Choose(c.cluster)
			if c.policy == "" != (got.policy == nil) || got.policy != nil && (got.policy.Name != c.policy || got.Hash != got.policy.Hash) {
				t.Errorf("the policy is %+v, want %q", got.policy, c.policy)
			}
			var codes []Code
			for _, f := range findings {
				codes = append(codes, f.Code)
			}
			if diff := cmp.Diff(c.findings, codes); diff != "" {
				t.Errorf("the findings (-want +got):\n%s", diff)
			}
			got.Hash, got.policy, got.certain, got.known = "", nil, false, nil
			if diff := cmp.Diff(c.choice, got, cmp.AllowUnexported(PolicyChoice{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWebhooksOfOthersAreNotOurs(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*admissionregistrationv1.MutatingWebhook){
		"another domain":                func(w *admissionregistrationv1.MutatingWebhook) { w.Name = "inject.example.com" },
		"a domain that ends like ours":  func(w *admissionregistrationv1.MutatingWebhook) { w.Name = "inject.notpillion.dev" },
		"one that looks at Deployments": func(w *admissionregistrationv1.MutatingWebhook) { w.Rules[0].Resources = []string{"deployments"} },
		"one that looks at updates only": func(w *admissionregistrationv1.MutatingWebhook) {
			w.Rules[0].Operations[0] = admissionregistrationv1.Update
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, _ := WebhooksOf([]admissionregistrationv1.MutatingWebhookConfiguration{webhook("default", change)}); got == nil || len(got) != 0 {
				t.Errorf("got %+v", got)
			}
		})
	}
	t.Run("a URL has a policy in its path as well", func(t *testing.T) {
		t.Parallel()
		got, _ := WebhooksOf([]admissionregistrationv1.MutatingWebhookConfiguration{webhook("default", func(w *admissionregistrationv1.MutatingWebhook) {
			w.ClientConfig = admissionregistrationv1.WebhookClientConfig{URL: new("https://127.0.0.1:8443/inject/web")}
		})})
		if len(got) != 1 || got[0].Policy != "web" || got[0].Service != "" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestWhoCanHaveTakenSomethingAway(t *testing.T) {
	t.Parallel()
	named := func(name string, change func(*admissionregistrationv1.MutatingWebhook)) admissionregistrationv1.MutatingWebhookConfiguration {
		w := webhook("default", func(w *admissionregistrationv1.MutatingWebhook) {
			w.Name = name + ".example.com"
			if change != nil {
				change(w)
			}
		})
		w.Name = name
		return w
	}
	elsewhere := func(w *admissionregistrationv1.MutatingWebhook) {
		w.NamespaceSelector = selector("team", metav1.LabelSelectorOpExists)
	}
	for _, c := range []struct {
		name    string
		cluster *Cluster
		want    string
	}{
		{"is told from the webhooks of the namespace", clusterWith(nil, webhook("default", nil), named("mesh", nil), named("elsewhere", elsewhere), named("mirror", nil)), "the webhooks that can have done it are of mesh and mirror; they must keep what they do not know"},
		{"is to be found out where there is none", clusterWith(nil, webhook("default", nil)), "find the webhook that does it (kubectl get mutatingwebhookconfigurations); it must keep what it does not know"},
		{"is to be found out without a cluster", nil, "find the webhook that does it (kubectl get mutatingwebhookconfigurations); it must keep what it does not know"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := c.cluster.suspects(); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
