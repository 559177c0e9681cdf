// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReadCertificate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want Certificate
	}{
		"new, with the defaults of its issuerRef": {
			`{"metadata": {"namespace": "a", "name": "b"}, "spec": {"secretName": "s", "issuerRef": {"name": "i"}}}`,
			Certificate{Namespace: "a", Name: "b", Secret: "s", Issuer: Reference{"cert-manager.io", "Issuer", "i"}},
		},
		"issued, and failing to be renewed": {
			`{"spec": {"issuerRef": {"name": "i", "kind": "ClusterIssuer"}}, "status": {"renewalTime": "2026-02-01T00:00:00Z", "failedIssuanceAttempts": 3,
				"conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "message": "up to date"}, {"type": "Issuing", "status": "False", "reason": "Failed", "message": "vault is sealed"}]}}`,
			Certificate{
				Issuer: Reference{"cert-manager.io", "ClusterIssuer", "i"}, Ready: Condition{Known: true, True: true, Reason: "Ready", Message: "up to date"},
				Renewal: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), Attempts: 3, Trouble: "vault is sealed",
			},
		},
		"of an issuer of somebody else": {
			`{"spec": {"issuerRef": {"name": "i", "kind": "AWSPCAIssuer", "group": "awspca.cert-manager.io"}}}`,
			Certificate{Issuer: Reference{"awspca.cert-manager.io", "AWSPCAIssuer", "i"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ReadCertificate([]byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			got.Renewal = got.Renewal.UTC()
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestReadIssuer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want Issuer
	}{
		"an authority": {
			`{"spec": {"ca": {"secretName": "ca"}}, "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "ErrGetKeyPair", "message": "no Secret"}]}}`,
			Issuer{Ready: Condition{Known: true, Reason: "ErrGetKeyPair", Message: "no Secret"}, Secret: "ca"},
		},
		"self-signed, and new": {`{"spec": {"selfSigned": {}}}`, Issuer{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ReadIssuer([]byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWhatIsNoObjectIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := ReadCertificate([]byte(`[]`)); err == nil {
		t.Error("a list is taken for a Certificate")
	}
	if _, err := ReadIssuer([]byte(`[]`)); err == nil {
		t.Error("a list is taken for an issuer")
	}
}

func TestResource(t *testing.T) {
	t.Parallel()
	type answer struct {
		Resource       string
		Namespaced, OK bool
	}
	for ref, want := range map[Reference]answer{
		{Group, "Issuer", "i"}:                             {"issuers", true, true},
		{Group, "ClusterIssuer", "i"}:                      {"clusterissuers", false, true},
		{"awspca.cert-manager.io", "AWSPCAIssuer", "i"}:    {},
		{"example.com", "ClusterIssuer", "another's kind"}: {},
	} {
		var got answer
		got.Resource, got.Namespaced, got.OK = ref.Resource()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", ref, diff)
		}
	}
}
