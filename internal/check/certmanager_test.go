// SPDX-License-Identifier: Apache-2.0

package check

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestCertManager(t *testing.T) {
	t.Parallel()
	const (
		list     = "/apis/cert-manager.io/v1/namespaces/pillion-system/certificates"
		issuer   = "/apis/cert-manager.io/v1/namespaces/pillion-system/issuers/i"
		cluster  = "/apis/cert-manager.io/v1/clusterissuers/i"
		ready    = `status: {conditions: [{type: Ready, status: "True"}]}`
		good     = "{spec: {selfSigned: {}}, " + ready + "}"
		pillions = "metadata: {namespace: pillion-system, name: leaf}"
		spec     = "spec: {secretName: tls, issuerRef: {name: i}}"
	)
	for name, c := range map[string]struct {
		from    string // annotation
		bundle  string
		objects map[string]string
		want    string
	}{
		"issued":                          {"pillion-system/leaf", "x", map[string]string{list: "[{" + pillions + ", " + spec + ", " + ready + "}]", issuer: good}, "ok cert-manager: the Certificate pillion-system/leaf is issued\n"},
		"found by its Secret":             {"", "x", map[string]string{list: "[{" + pillions + ", " + spec + ", " + ready + "}]", issuer: good}, "ok cert-manager: the Certificate pillion-system/leaf is issued\n"},
		"not in the cluster":              {"", "x", nil, "ok cert-manager: not used: it is not in this cluster\n"},
		"nothing of ours":                 {"", "x", map[string]string{list: "[]"}, "ok cert-manager: not used: no Certificate writes the Secret of the replicas\n"},
		"wanted, and not there":           {"pillion-system/leaf", "", nil, "failed cert-manager: the annotation cert-manager.io/inject-ca-from wants cert-manager, which this cluster does not have\n"},
		"wanted, and somebody helped":     {"pillion-system/leaf", "x", nil, "warning cert-manager: the annotation cert-manager.io/inject-ca-from wants cert-manager, which this cluster does not have, so nothing keeps caBundle right\n"},
		"no such Certificate":             {"pillion-system/laef", "", map[string]string{list: "[]"}, "failed cert-manager: the annotation cert-manager.io/inject-ca-from names the Certificate pillion-system/laef, which does not exist\n"},
		"an annotation without namespace": {"leaf", "x", nil, "failed cert-manager: the annotation cert-manager.io/inject-ca-from is \"leaf\", which names no Certificate\n"},
		"they may not be read":            {"pillion-system/leaf", "x", map[string]string{list: "forbidden"}, "skipped cert-manager: not checked: you may not list certificates.cert-manager.io in the namespace pillion-system\n"},
		"no issuer": {
			"pillion-system/leaf", "x",
			map[string]string{list: "[{" + pillions + ", " + spec + "}]"},
			"failed cert-manager: the Certificate pillion-system/leaf is to be issued by the Issuer i, which does not exist\n" +
				"failed cert-manager: the Certificate pillion-system/leaf is not ready: cert-manager has said nothing about it yet; is it running? (kubectl get pods -A -l app=cert-manager) (because of its issuer, above)\n",
		},
		"a ClusterIssuer that is not ready": {
			"pillion-system/leaf", "x",
			map[string]string{
				list:    "[{" + pillions + ", spec: {issuerRef: {name: i, kind: ClusterIssuer}}, " + ready + "}]",
				cluster: `{spec: {ca: {secretName: ca}}, status: {conditions: [{type: Ready, status: "False", reason: ErrInitIssuer, message: Vault is sealed.}]}}`,
			},
			"failed cert-manager: the ClusterIssuer i is not ready: ErrInitIssuer: Vault is sealed\n",
		},
		"an issuer of somebody else": {
			"pillion-system/leaf", "x",
			map[string]string{list: "[{" + pillions + ", spec: {issuerRef: {name: i, kind: Own, group: acme.example}}, " + ready + "}]"},
			"skipped cert-manager: the Own i of the Certificate leaf is of the group acme.example, which is not known here\n" +
				"ok cert-manager: the Certificate pillion-system/leaf is issued\n",
		},
		"an issuer that is its own authority": {
			"pillion-system/leaf", "x",
			map[string]string{list: "[{" + pillions + ", " + spec + ", " + ready + "}]", issuer: "{spec: {ca: {secretName: tls}}, " + ready + "}"},
			"ok cert-manager: the Certificate pillion-system/leaf is issued\n",
		},
		"a renewal that fails": {
			"pillion-system/leaf", "x",
			map[string]string{
				list: "[{" + pillions + ", " + spec + `, status: {failedIssuanceAttempts: 3, conditions: [{type: Ready, status: "True"}, {type: Issuing, status: "False", message: quota}]}}]`, issuer: good,
			},
			"warning cert-manager: the Certificate pillion-system/leaf is issued, and reissuing it has failed 3 times: quota\n",
		},
		"a renewal that does not come": {
			"pillion-system/leaf", "x",
			map[string]string{
				list: "[{" + pillions + ", " + spec + `, status: {renewalTime: "2026-05-30T00:00:00Z", conditions: [{type: Ready, status: "True"}]}}]`, issuer: good,
			},
			"warning cert-manager: the Certificate pillion-system/leaf should have been renewed on 2026-05-30 00:00 UTC\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := at(CertManager, fake{objects: c.objects})
			l.entriesOf[0].injectFrom, l.entriesOf[0].ClientConfig.CABundle = c.from, []byte(c.bundle)
			d := deploymentOf(t, 2, 2, "")
			l.installed = &answer[installed]{value: installed{deployment: d}}
			d.Spec.Template.Spec = decoded[corev1.Pod](t, "{spec: {containers: [], volumes: [{name: certs, secret: {secretName: tls}}]}}").Spec
			if err := l.certManager(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, l.said()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
