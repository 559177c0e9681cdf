// SPDX-License-Identifier: Apache-2.0

package guards

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// laterWebhook runs a mutating webhook behind ours, for one namespace. It answers each
// pod that has init containers with the patch.
func laterWebhook(t *testing.T, namespace, patch string) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		var p corev1.Pod
		if json.NewDecoder(r.Body).Decode(&review) != nil || json.Unmarshal(review.Request.Object.Raw, &p) != nil {
			http.Error(w, "not a review of a pod", http.StatusBadRequest)
			return
		}
		review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
		if len(p.Spec.InitContainers) > 0 {
			review.Response.Patch, review.Response.PatchType = []byte(patch), new(admissionv1.PatchTypeJSONPatch)
		}
		review.Request = nil
		_ = json.NewEncoder(w).Encode(review)
	}))
	t.Cleanup(server.Close)
	name := "zzz-" + namespace
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
			ReinvocationPolicy:      new(admissionregistrationv1.IfNeededReinvocationPolicy), // it has the last word
			AdmissionReviewVersions: []string{"v1"},
		}},
	}
	api := clients.AdmissionregistrationV1().MutatingWebhookConfigurations()
	if _, err := api.Create(t.Context(), config, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{}) })
}

// What a later webhook breaks is denied, with the name of what is broken.
func TestALaterWebhookThatBreaksAHelperIsFoundOut(t *testing.T) {
	for _, c := range []struct{ name, patch, want string }{
		{
			"it drops the sidecar",
			`[{"op":"remove","path":"/spec/initContainers/0"}]`,
			"pillion: the pod lacks what the annotation git-poller.pillion.dev/mount-path asks for, the init container pillion-git-poller. " +
				"Either the webhook did not see the pod (was it down, with failurePolicy: Ignore?), or another webhook has taken this away. Next: kubectl pillion check",
		},
		{
			"it drops a field that it does not know",
			`[{"op":"remove","path":"/spec/initContainers/0/restartPolicy"},{"op":"remove","path":"/spec/initContainers/0/startupProbe"}]`,
			"pillion: the init container pillion-git-poller has lost restartPolicy: Always, so the pod would wait for its end and never start. " +
				"Another webhook has taken that away, one as a rule that does not know the field. Next: kubectl pillion check",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			ns := newNamespace(t, nil)
			if err := tryPod(t.Context(), ns, pod("web", asking())); err != nil {
				t.Fatalf("before there is another webhook: %v", err)
			}
			laterWebhook(t, ns, c.patch)
			await(t, "the later webhook to be called", func() bool { return tryPod(t.Context(), ns, pod("web", asking())) != nil })
			denied(t, ns, pod("web", asking()), c.want)
			if err := tryPod(t.Context(), ns, pod("bystander", nil)); err != nil {
				t.Errorf("a pod that asks for nothing: %v", err)
			}
		})
	}
}
