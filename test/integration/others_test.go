// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// otherWebhook runs a second mutating webhook for one namespace. Its name decides
// whether it comes before or after ours. patch gets the pod and answers a JSON patch.
func otherWebhook(t *testing.T, name, namespace string, patch func(*corev1.Pod) string) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		var p corev1.Pod
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := json.Unmarshal(review.Request.Object.Raw, &p); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
		if text := patch(&p); text != "" {
			review.Response.Patch, review.Response.PatchType = []byte(text), new(admissionv1.PatchTypeJSONPatch)
		}
		review.Request = nil
		_ = json.NewEncoder(w).Encode(review)
	}))
	t.Cleanup(server.Close)
	config := &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name: name + ".example.com",
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				URL:      &server.URL,
				CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
			},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}},
			NamespaceSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}},
			SideEffects:             new(admissionregistrationv1.SideEffectClassNone),
			ReinvocationPolicy:      new(admissionregistrationv1.IfNeededReinvocationPolicy),
			AdmissionReviewVersions: []string{"v1"},
		}},
	}
	api := clients.AdmissionregistrationV1().MutatingWebhookConfigurations()
	if _, err := api.Create(t.Context(), config, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Delete(t.Context(), name, metav1.DeleteOptions{}) })
	// The API server learns of a configuration in its own time.
	await(t, "the other webhook to be called", func() bool {
		p := pod("probe", map[string]string{"example.com/probe": "true"})
		got, err := clients.CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err == nil && got.Labels["seen-by"] == name
	})
}

// seen is the patch operation that tells await that the webhook is in force.
func seen(name string) string {
	return `{"op":"add","path":"/metadata/labels","value":{"seen-by":"` + name + `"}}`
}

// mesh adds a container and, before all others, an init container, once.
func mesh(name string) func(*corev1.Pod) string {
	return func(p *corev1.Pod) string {
		ops := []string{seen(name)}
		for i := range p.Spec.Containers {
			if p.Spec.Containers[i].Name == "mesh-proxy" {
				return "[" + seen(name) + "]"
			}
		}
		ops = append(ops, `{"op":"add","path":"/spec/containers/-","value":{"name":"mesh-proxy","image":"mesh:1"}}`)
		if len(p.Spec.InitContainers) == 0 {
			ops = append(ops, `{"op":"add","path":"/spec/initContainers","value":[{"name":"mesh-init","image":"mesh:1"}]}`)
		} else {
			ops = append(ops, `{"op":"add","path":"/spec/initContainers/0","value":{"name":"mesh-init","image":"mesh:1"}}`)
		}
		return "[" + strings.Join(ops, ",") + "]"
	}
}

func TestAnotherWebhookBeforeAndAfterOurs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"aaa-mesh", "zzz-mesh"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := newNamespace(t, nil)
			otherWebhook(t, name, ns, mesh(name))
			got := create(t, ns, pod("web", asking()))
			helper(t, got, "pillion-git-poller")
			if names := initNames(got); names != "[mesh-init pillion-git-poller]" {
				t.Errorf("the init containers are %s", names)
			}
			for i := range got.Spec.Containers {
				if m := mounts(got.Spec.Containers[i]); m != "pillion-git-poller:/usr/share/nginx/html" {
					t.Errorf("container %s has the mounts %q", got.Spec.Containers[i].Name, m)
				}
			}
		})
	}
}

// A platform's image mirror comes behind us and has the last word; what matters is
// that the two do not fight, and that the status tells of it.
func TestAnotherWebhookThatRewritesOurImage(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	const name = "zzz-mirror"
	otherWebhook(t, name, ns, func(p *corev1.Pod) string {
		if len(p.Spec.InitContainers) == 0 || strings.HasPrefix(p.Spec.InitContainers[0].Image, "mirror.example/") {
			return "[" + seen(name) + "]"
		}
		return "[" + seen(name) + `,{"op":"replace","path":"/spec/initContainers/0/image","value":"mirror.example/x"}]`
	})
	got := create(t, ns, pod("web", asking()))
	if image := helper(t, got, "pillion-git-poller").Image; image != "mirror.example/x" {
		t.Errorf("the image is %s; the mirror should have had the last word", image)
	}
	if status := got.Annotations["pillion.dev/status"]; !strings.Contains(status, `"renewed":["pillion-git-poller"]`) {
		t.Errorf("the status does not tell that the helper had been changed: %s", status)
	}
}

func TestOurOwnSecondCallFindsNothingToDo(t *testing.T) { // alone: it counts decisions
	ns := newNamespace(t, nil)
	const name = "zzz-label"
	otherWebhook(t, name, ns, func(p *corev1.Pod) string {
		if p.Labels["seen-by"] == name {
			return ""
		}
		return "[" + seen(name) + "]"
	})
	count := func(reason string) float64 {
		m, err := plane.Webhook.Metrics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return m.Sum("pillion_admission_requests_total", map[string]string{"policy": "default", "reason": reason})
	}
	requested, already := count("Requested"), count("AlreadyInjected")
	create(t, ns, pod("web", asking()))
	if got := count("Requested") - requested; got != 1 {
		t.Errorf("the pod was injected %v times, want once", got)
	}
	if got := count("AlreadyInjected") - already; got != 1 {
		t.Errorf("the second call found everything in place %v times, want once", got)
	}
}
