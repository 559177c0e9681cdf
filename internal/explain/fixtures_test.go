// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/policy"
)

var (
	made    = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC) // when the pods of the tests were made
	version = inject.Injector{Version: "v1.2.3"}
)

const dateMount = "date-writer.pillion.dev/mount-path"

// policyOf reads a policy of a name with the helpers that are given as YAML.
func policyOf(t *testing.T, name, helpers string) *inject.Policy {
	t.Helper()
	p, err := policy.Parse([]byte("apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: " + name + "}\nspec: {helpers: " + helpers + "}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// podAsking is a pod with one container and annotations.
func podAsking(annotations map[string]string) *corev1.Pod {
	return &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", Annotations: annotations, CreationTimestamp: metav1.NewTime(made)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
	}
}

func jsonOf(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// injected is a pod that asks for a date-writer, as the webhook makes it.
func injected(t *testing.T, p *inject.Policy, by inject.Injector) *corev1.Pod {
	t.Helper()
	out, err := admission.Inject(by, p, jsonOf(t, podAsking(map[string]string{dateMount: "/html"})), admission.Template{})
	if err != nil || out.Result != reason.Injected {
		t.Fatalf("%v %v %v", err, out.Result, out.Message())
	}
	var pod corev1.Pod
	if err := json.Unmarshal(out.Patched, &pod); err != nil {
		t.Fatal(err)
	}
	return &pod
}

func read(t *testing.T, p *corev1.Pod) *PodIn {
	t.Helper()
	in, err := ReadPod(jsonOf(t, p))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// webhook is a configuration with one entry for a policy.
func webhook(policy string, change func(*admissionregistrationv1.MutatingWebhook)) admissionregistrationv1.MutatingWebhookConfiguration {
	w := admissionregistrationv1.MutatingWebhook{
		Name: policy + ".pillion.dev",
		ClientConfig: admissionregistrationv1.WebhookClientConfig{
			Service: &admissionregistrationv1.ServiceReference{Namespace: "pillion-system", Name: "pillion-webhook", Path: new("/inject/" + policy)},
		},
		Rules: []admissionregistrationv1.RuleWithOperations{{
			Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
			Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
		}},
	}
	if change != nil {
		change(&w)
	}
	return admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "pillion", CreationTimestamp: metav1.NewTime(made.Add(-time.Hour))},
		Webhooks:   []admissionregistrationv1.MutatingWebhook{w},
	}
}

func selector(key string, operator metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
}

// clusterWith is a cluster whose namespace "shop" has labels.
func clusterWith(labels map[string]string, configurations ...admissionregistrationv1.MutatingWebhookConfiguration) *Cluster {
	if labels == nil {
		labels = map[string]string{}
	}
	ours, others := WebhooksOf(configurations)
	return &Cluster{NamespaceName: "shop", Labels: labels, Webhooks: ours, Others: others}
}
