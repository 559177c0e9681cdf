// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/policy"
)

// payments installs one more entry, of a policy that the webhook does not have, and
// returns a namespace that it selects.
func payments(t *testing.T, to func(*admissionregistrationv1.WebhookClientConfig)) (ns string) {
	t.Helper()
	configurations := clients.AdmissionregistrationV1().MutatingWebhookConfigurations()
	c, err := configurations.Get(t.Context(), "pillion", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.ObjectMeta = metav1.ObjectMeta{Name: "pillion-payments"}
	c.Webhooks = c.Webhooks[:1]
	w := &c.Webhooks[0]
	w.Name = "payments.inject.pillion.dev"
	to(&w.ClientConfig)
	w.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"rollout": "payments"}}
	if _, err := configurations.Create(t.Context(), c, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := configurations.Delete(context.Background(), c.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	return newNamespace(t, map[string]string{"rollout": "payments"})
}

// dryRun creates a pod and does not store it.
func dryRun(t *testing.T, ns string) (*corev1.Pod, error) {
	t.Helper()
	return clients.CoreV1().Pods(ns).Create(t.Context(), pod("web", asking()), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
}

// A webhook configuration that is ahead of every replica: the API server asks again, and
// then the person who waits reads why.
func TestAPolicyThatNoReplicaHasIsExplained(t *testing.T) { // alone: it changes the webhook configurations
	ns := payments(t, func(c *admissionregistrationv1.WebhookClientConfig) {
		*c.URL = strings.Replace(*c.URL, "/inject/default", "/inject/payments", 1)
	})
	var err error
	counted := metric(t, "pillion_admission_requests_total", decided{Policy: "unknown", Result: "Failed", Reason: "PolicyNotLoaded"}, func() {
		await(t, "the API server to call the new entry", func() bool {
			_, err = dryRun(t, ns)
			return err != nil
		})
	})
	const want = `failed calling webhook "payments.inject.pillion.dev": failed to call webhook: pillion: this replica has not loaded the policy "payments", only assisted, audited, default, trial, web; ` +
		`if the policy is new, wait for the webhook's rollout, otherwise give it a file in --policy-dir or remove its entry from the webhook configuration`
	if !apierrors.IsInternalError(err) || !strings.Contains(err.Error(), want) {
		t.Errorf("the error is\n%v\nwant\n%s", err, want)
	}
	if counted < 2 {
		t.Errorf("the API server asked %v times; it should have tried again, to find a replica that knows", counted)
	}
}

// One that is ahead of half of them is noticed by nobody.
func TestAPolicyThatOneReplicaHasIsFound(t *testing.T) { // alone: it changes the webhook configurations
	var sent atomic.Int64 // elsewhere
	observe := func(_, _, why string, _ time.Duration) {
		if why == string(reason.PolicyNotLoaded) {
			sent.Add(1)
		}
	}
	p := *policy.Builtin()
	p.Name = "payments"
	replicas := []http.Handler{
		admission.NewHandler(admission.Options{Policies: map[string]*inject.Policy{"default": policy.Builtin()}, Observe: observe}),
		admission.NewHandler(admission.Options{Policies: map[string]*inject.Policy{"payments": &p}, Observe: observe}),
	}
	// A Service in front of both: each connection reaches the next one.
	type replica struct{}
	var connections atomic.Int64
	service := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Context().Value(replica{}).(http.Handler).ServeHTTP(w, r)
	}))
	service.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, replica{}, replicas[connections.Add(1)%2])
	}
	service.Config.SetKeepAlivesEnabled(false) // so that each review is a new toss
	service.StartTLS()
	defer service.Close()

	ns := payments(t, func(c *admissionregistrationv1.WebhookClientConfig) {
		*c.URL = service.URL + "/inject/payments"
		c.CABundle = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: service.Certificate().Raw})
	})
	await(t, "the API server to call the new entry", func() bool {
		_, err := dryRun(t, ns)
		return err == nil && connections.Load() > 0
	})
	for range 20 {
		got, err := dryRun(t, ns)
		if err != nil {
			t.Fatalf("a pod was not created, since one replica has not loaded the policy: %v", err)
		}
		if !strings.Contains(got.Annotations["pillion.dev/status"], `"policy":"payments"`) {
			t.Errorf("the status is %s", got.Annotations["pillion.dev/status"])
		}
	}
	if sent.Load() < 5 {
		t.Errorf("%d reviews were sent elsewhere; about every second one should have been", sent.Load())
	}
	t.Logf("%d of %d connections were sent elsewhere", sent.Load(), connections.Load())
}
