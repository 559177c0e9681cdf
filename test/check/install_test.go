// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmeta "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	system = "pillion-system"
	name   = "pillion-webhook"
	host   = name + "." + system + ".svc"
)

// install puts config/webhook into the cluster, and what a cluster would make of it.
func install(ctx context.Context) error {
	if err := plane.Namespace(ctx, "shop", nil); err != nil {
		return err
	}
	if err := api.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default", Namespace: "default"}}); err != nil {
		return err
	}
	objects, err := plane.Manifests(ctx, "config/webhook")
	if err != nil {
		return err
	}
	for i := range objects {
		if strings.HasPrefix(objects[i].GetKind(), "ValidatingAdmissionPolicy") {
			continue // the guards would deny what some scenarios break; that of a guard brings its own
		}
		if err := api.Create(ctx, &objects[i]); err != nil {
			return fmt.Errorf("%s %s: %w", objects[i].GetKind(), objects[i].GetName(), err)
		}
	}
	good, err := hook.ca.issue(host, 2100)
	if err != nil {
		return err
	}
	hook.use(good)
	secret := &corev1.Secret{ObjectMeta: meta(name + "-tls"), Type: corev1.SecretTypeTLS, Data: map[string][]byte{"tls.crt": good.cert, "tls.key": good.key}}
	if err := api.Create(ctx, secret); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{trust, certManager, replicas} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func meta(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name, Namespace: system} }

// trust is what cainjector would do.
func trust(ctx context.Context) error {
	var mutating admissionregistrationv1.MutatingWebhookConfiguration
	if err := api.Get(ctx, client.ObjectKey{Name: "pillion"}, &mutating); err != nil {
		return err
	}
	for i := range mutating.Webhooks {
		mutating.Webhooks[i].ClientConfig.CABundle = hook.ca.pem
	}
	if err := api.Update(ctx, &mutating); err != nil {
		return err
	}
	var validating admissionregistrationv1.ValidatingWebhookConfiguration
	if err := api.Get(ctx, client.ObjectKey{Name: "pillion"}, &validating); err != nil {
		return err
	}
	for i := range validating.Webhooks {
		validating.Webhooks[i].ClientConfig.CABundle = hook.ca.pem
	}
	return api.Update(ctx, &validating)
}

// replicas are what the Deployment's controllers, a scheduler and two kubelets would make.
func replicas(ctx context.Context) error {
	var d appsv1.Deployment
	if err := api.Get(ctx, client.ObjectKey{Namespace: system, Name: name}, &d); err != nil {
		return err
	}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 2, AvailableReplicas: 2}
	if err := api.Status().Update(ctx, &d); err != nil {
		return err
	}
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: meta(name + "-1"), AddressType: discoveryv1.AddressTypeIPv4,
		Ports: []discoveryv1.EndpointPort{{Name: new("https"), Port: new(int32(hook.address.Port))}}, //nolint:gosec // a port
	}
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: name}
	slice.Endpoints = []discoveryv1.Endpoint{{Addresses: []string{hook.address.IP.String()}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}}
	if err := api.Create(ctx, slice); err != nil {
		return err
	}
	for _, one := range []string{"a", "b"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-" + one}, Status: corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{KubeletVersion: "v1.37.2"}}}
		pod := &corev1.Pod{ObjectMeta: meta(name + "-" + one), Spec: *d.Spec.Template.Spec.DeepCopy()}
		pod.Labels, pod.Spec.NodeName = d.Spec.Template.Labels, node.Name
		for _, o := range []client.Object{node, pod} {
			if err := api.Create(ctx, o); err != nil {
				return err
			}
		}
		pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}
		if err := api.Status().Update(ctx, pod); err != nil {
			return err
		}
	}
	return nil
}

// certManager are the objects of the chain SelfSigned -> CA -> issuer -> leaf, as ready as
// cert-manager would find them.
func certManager(ctx context.Context) error {
	issuer := func(name string, config certmanagerv1.IssuerConfig) *certmanagerv1.Issuer {
		return &certmanagerv1.Issuer{ObjectMeta: meta(name), Spec: certmanagerv1.IssuerSpec{IssuerConfig: config}}
	}
	certificate := func(name, secret, issuer string) *certmanagerv1.Certificate {
		c := &certmanagerv1.Certificate{ObjectMeta: meta(name)}
		c.Spec.SecretName, c.Spec.IssuerRef.Name, c.Spec.DNSNames = secret, issuer, []string{host}
		return c
	}
	for _, i := range []*certmanagerv1.Issuer{
		issuer("pillion-selfsigned", certmanagerv1.IssuerConfig{SelfSigned: &certmanagerv1.SelfSignedIssuer{}}),
		issuer("pillion-ca", certmanagerv1.IssuerConfig{CA: &certmanagerv1.CAIssuer{SecretName: "pillion-ca"}}),
	} {
		if err := api.Create(ctx, i); err != nil {
			return err
		}
		i.Status.Conditions = []certmanagerv1.IssuerCondition{{Type: certmanagerv1.IssuerConditionReady, Status: cmmeta.ConditionTrue, Reason: "IsReady"}}
		if err := api.Status().Update(ctx, i); err != nil {
			return err
		}
	}
	for _, c := range []*certmanagerv1.Certificate{
		certificate("pillion-ca", "pillion-ca", "pillion-selfsigned"),
		certificate(name, name+"-tls", "pillion-ca"),
	} {
		if err := api.Create(ctx, c); err != nil {
			return err
		}
		c.Status.Conditions = []certmanagerv1.CertificateCondition{{Type: certmanagerv1.CertificateConditionReady, Status: cmmeta.ConditionTrue, Reason: "Ready"}}
		c.Status.RenewalTime = &metav1.Time{Time: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)}
		if err := api.Status().Update(ctx, c); err != nil {
			return err
		}
	}
	return nil
}
