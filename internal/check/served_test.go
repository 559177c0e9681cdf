// SPDX-License-Identifier: Apache-2.0

package check

import (
	"crypto/x509"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestServed(t *testing.T) {
	t.Parallel()
	ca, other := (*signer)(nil).sign(t, "ca", days(-9), days(900)), (*signer)(nil).sign(t, "other", days(-9), days(900))
	old, renewed, foreign := ca.sign(t, host, days(-9), days(9)), ca.sign(t, host, days(-1), days(90)), other.sign(t, host, days(-9), days(9))
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "pods/portforward"}, "a", errors.New("no"))
	const reached = "skipped served-certificate: not checked: a was not reached by a port-forward: "
	for name, c := range map[string]struct {
		a, b any // what each of two replicas serves, or an error
		want string
	}{
		"both what the Secret has": {renewed, renewed, "ok served-certificate: 2 replicas asked: what is served is trusted, and for " + host + "\n"},
		"one the old one still":    {old, renewed, "warning served-certificate: a: trusted, but another certificate than the Secret s has\n"},
		"one of another authority": {renewed, foreign, `failed served-certificate: b serves a certificate that inject.pillion.dev does not trust: it was issued by "CN=other", and the authorities are "CN=ca"` + "\n"},
		"one has expired":          {ca.sign(t, host, days(-9), days(-1)), renewed, "failed served-certificate: the certificate that a serves expired on 2026-05-31 00:00 UTC\n"},
		"not allowed":              {forbidden, nil, "skipped served-certificate: not checked: you may not create pods/portforward in the namespace pillion-system\n"},
		"no way":                   {errors.New("connection refused"), nil, reached + "connection refused; the Secret tells what it should serve\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := at(Served, fake{served: func(pod string) ([]*x509.Certificate, error) {
				answer := map[string]any{"a": c.a, "b": c.b}[pod]
				if err, failed := answer.(error); failed {
					return nil, err
				}
				return []*x509.Certificate{answer.(*signer).cert}, nil
			}})
			l.entriesOf[0].Name, l.entriesOf[0].ClientConfig.CABundle = "inject.pillion.dev", ca.pem()
			l.pair = &pair{"s", []*x509.Certificate{renewed.cert}}
			pod := func(name, ready string) corev1.Pod {
				return *decoded[corev1.Pod](t, "{metadata: {name: "+name+", namespace: pillion-system}, spec: {containers: []}, status: {conditions: [{type: Ready, status: '"+ready+"'}]}}")
			}
			l.installed = &answer[installed]{value: installed{service: &corev1.Service{}, pods: []corev1.Pod{pod("starting", "False"), pod("a", "True"), pod("b", "True")}}}
			if err := l.served(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, l.said()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTargetPort(t *testing.T) {
	t.Parallel()
	pod := decoded[corev1.Pod](t, "{spec: {containers: [{name: c, ports: [{name: health, containerPort: 8081}, {name: https, containerPort: 8443}]}]}}")
	for ports, want := range map[string]int32{
		"{port: 443, targetPort: https}": 8443,
		"{port: 443, targetPort: 9443}":  9443,
		"{port: 443}":                    443,
		"{port: 80, targetPort: health}, {port: 443, targetPort: https}": 8443,
		"{port: 443, targetPort: nobody}":                                443,
	} {
		s := decoded[corev1.Service](t, "{spec: {ports: ["+ports+"]}}")
		if got := targetPort(s, pod, 443); got != want {
			t.Errorf("%s leads to %d, want %d", ports, got, want)
		}
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	const path = "/api/v1/namespaces/pillion-system/secrets/tls"
	for name, c := range map[string]struct{ secret, want string }{
		"empty":           {"{}", "failed secret: the Secret tls has no tls.crt\n"},
		"without its key": {"{data: {tls.crt: eA==}}", "failed secret: the Secret tls has no tls.key\n"},
		"no PEM":          {"{data: {tls.crt: eA==, tls.key: eA==}}", "failed secret: the Secret tls holds no pair: tls: failed to find any PEM data in certificate input\n"},
		"not allowed":     {"forbidden", "skipped secret: not checked: you may not get secrets in the namespace pillion-system\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := at(Secret, fake{objects: map[string]string{path: c.secret}})
			d := deploymentOf(t, 2, 2, "")
			d.Spec.Template.Spec = decoded[corev1.Pod](t, "{spec: {containers: [], volumes: [{name: certs, secret: {secretName: tls}}]}}").Spec
			l.installed = &answer[installed]{value: installed{deployment: d}}
			if err := l.secret(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, l.said()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
