// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"testing"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/google/go-cmp/cmp"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"

	"github.com/pillion-dev/pillion/test/chart/render"
)

// scheme has every type that the chart may render.
func scheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		admissionregistrationv1.AddToScheme, appsv1.AddToScheme, autoscalingv2.AddToScheme, batchv1.AddToScheme, corev1.AddToScheme,
		networkingv1.AddToScheme, policyv1.AddToScheme, rbacv1.AddToScheme, certmanagerv1.AddToScheme, monitoringv1.AddToScheme,
	} {
		if err := add(s); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// A field that does not exist, or exists twice, is dropped or merged by a lenient reader.
func TestEveryObjectIsStrictlyOfItsType(t *testing.T) {
	t.Parallel()
	known := scheme(t)
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, known, known, json.SerializerOptions{Strict: true})
	for name, values := range cases(t) {
		for _, o := range objects(t, values) {
			text, err := o.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := decoder.Decode(text, nil, nil); err != nil {
				t.Errorf("%s: %s %s: %v", name, o.GetKind(), o.GetName(), err)
			}
		}
	}
}

// Labels find what belongs to a release, and an object without a namespace goes where
// kubectl happens to be.
func TestEveryObjectIsNamedAndLabelled(t *testing.T) {
	t.Parallel()
	global := map[string]bool{
		"MutatingWebhookConfiguration": true, "ValidatingWebhookConfiguration": true, "ClusterRole": true, "ClusterRoleBinding": true,
		"ValidatingAdmissionPolicy": true, "ValidatingAdmissionPolicyBinding": true,
	}
	for name, values := range cases(t) {
		seen := map[string]bool{}
		for _, o := range objects(t, values) {
			id := o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
			if seen[id] {
				t.Errorf("%s: %s is rendered twice", name, id)
			}
			seen[id] = true
			if l := o.GetLabels(); l["app.kubernetes.io/part-of"] != "pillion" || l["app.kubernetes.io/instance"] != render.Release {
				t.Errorf("%s: %s has the labels %v", name, id, l)
			}
			if (o.GetNamespace() == "") != global[o.GetKind()] {
				t.Errorf("%s: %s has the namespace %q", name, id, o.GetNamespace())
			}
		}
	}
}

// A Deployment's selector cannot be changed, so no value and no version may change it.
func TestSelectorsNeverChange(t *testing.T) {
	t.Parallel()
	want := map[string]string{"app.kubernetes.io/name": "pillion-webhook", "app.kubernetes.io/instance": "pillion"}
	for name, values := range cases(t) {
		all := objects(t, values)
		deployment := ofKind[appsv1.Deployment](t, all, "Deployment")[0]
		if diff := cmp.Diff(&metav1.LabelSelector{MatchLabels: want}, deployment.Spec.Selector); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		for _, service := range ofKind[corev1.Service](t, all, "Service") {
			if diff := cmp.Diff(want, service.Spec.Selector); diff != "" {
				t.Errorf("%s: Service %s (-want +got):\n%s", name, service.Name, diff)
			}
		}
		// Or the Service would send reviews to the pod of helm test.
		for _, pod := range ofKind[corev1.Pod](t, all, "Pod") {
			if pod.Labels["app.kubernetes.io/name"] == want["app.kubernetes.io/name"] {
				t.Errorf("%s: the pod %s is selected as if it were a replica", name, pod.Name)
			}
		}
	}
}

func TestWhatIsRenderedWhen(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		values, kind string
		want         int
	}{
		"a PodDisruptionBudget for two replicas":                  {``, "PodDisruptionBudget", 1},
		"none for one replica, which it could only block":         {`replicas: 1`, "PodDisruptionBudget", 0},
		"none for an autoscaler that may go down to one":          {`autoscaling: {enabled: true, minReplicas: 1}`, "PodDisruptionBudget", 0},
		"one for an autoscaler that may not, whatever replicas":   {"replicas: 1\nautoscaling: {enabled: true}", "PodDisruptionBudget", 1},
		"no autoscaler unless it is asked for":                    {``, "HorizontalPodAutoscaler", 0},
		"a NetworkPolicy":                                         {``, "NetworkPolicy", 1},
		"none on the node's network, where it would do nothing":   {`hostNetwork: true`, "NetworkPolicy", 0},
		"no ConfigMap for the built-in policy":                    {``, "ConfigMap", 0},
		"one for an image of the helpers":                         {`helperImage: registry.example/h:v1`, "ConfigMap", 1},
		"two Certificates with cert-manager":                      {``, "Certificate", 2},
		"two Issuers with cert-manager":                           {``, "Issuer", 2},
		"one Certificate with an issuer of the user's":            {`certificates: {source: issuer, issuerRef: {name: a}}`, "Certificate", 1},
		"no Issuer with an issuer of the user's":                  {`certificates: {source: issuer, issuerRef: {name: a}}`, "Issuer", 0},
		"no Certificate with a Job":                               {`certificates: {source: job}`, "Certificate", 0},
		"no Certificate with a Secret":                            {`certificates: {source: secret, secretName: a, configurationAnnotations: {a: b}}`, "Certificate", 0},
		"no object of the Prometheus operator's unless asked for": {``, "PodMonitor", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := 0
			for _, o := range objects(t, parseValues(t, tt.values)) {
				if o.GetKind() == tt.kind {
					got++
				}
			}
			if got != tt.want {
				t.Errorf("%d of kind %s, want %d", got, tt.kind, tt.want)
			}
		})
	}
}
