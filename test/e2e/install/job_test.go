// SPDX-License-Identifier: Apache-2.0

package install

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// What the chart calls the objects of certificates.source "job".
const (
	jobSecret = "pillion-webhook-certificate"
	cronJob   = "pillion-certificates"
)

// TestWithoutCertManagerNoPodIsLostEither installs the chart on a cluster in which
// cert-manager does not run, and renews its certificate, which is a change of trust each
// time, while pods are created.
func TestWithoutCertManagerNoPodIsLostEither(t *testing.T) {
	testJob(newHelm(t, suite.helm4))
}

func TestWithoutCertManagerNoPodIsLostEitherByHelm3(t *testing.T) {
	testJob(newHelm(t, suite.helm3))
}

func testJob(h helm) {
	makeNamespace(h.T, namespace, "pod-security.kubernetes.io/enforce=restricted", "pod-security.kubernetes.io/warn=restricted")
	apps := makeNamespace(h.T, "apps")
	before := everything(h.T)
	h.mustNotWarn(baseValues().with(byJob()))

	start := time.Now()
	h.install(baseValues().with(byJob()), "--wait")
	installed := time.Since(start).Round(100 * time.Millisecond)
	first, _ := awaitPod(h.T, apps, start)
	h.Logf("helm install --wait: %s; first pod with its helper: %s after its start", installed, first)
	l := startLoad(h.T, apps)
	l.more(h.T)
	l.faultless(h.T, "before the renewal")

	// A renewal, which comes before the upgrade that must keep its trust, is not Helm's.
	if h.serverSide {
		h.renewByJob()
		l.more(h.T)
		l.faultless(h.T, "renewal by the Job")
	}
	if err := h.upgrade(changedValues().with(byJob()), "--wait"); err != nil {
		h.Fatal(err)
	}
	awaitSettled(h.T, 3)
	l.faultless(h.T, "helm upgrade with an added policy, until the last previous replica has ended")
	batch := makeNamespace(h.T, "batch", "pillion.dev/policy=batch")
	took, _ := awaitPod(h.T, batch, time.Now())
	h.Logf("the first pod under the new policy gets its helper %s after the upgrade", took)
	l.stop()

	h.must("uninstall", release, "--wait", "--timeout", "8m")
	h.awaitOnlyMore(before, []string{"configmaps batch/kube-root-ca.crt", "namespaces /batch", "serviceaccounts batch/default"})
}

// renewByJob asks for a renewal as docs/design/0015 says, and waits until every replica
// serves what has come of it.
func (h helm) renewByJob() {
	h.Helper()
	old, start := secretFile(h.T, jobSecret, "tls.crt"), time.Now()
	mustKubectl(h.T, "patch", "secret", "-n", namespace, jobSecret, "-p", `{"stringData": {"renew": "now"}}`)
	mustKubectl(h.T, "create", "job", "-n", namespace, "--from=cronjob/"+cronJob, "renew-now")
	await(h.T, func() error {
		if bytes.Equal(secretFile(h.T, jobSecret, "tls.crt"), old) {
			return errors.New("the certificate is not renewed yet")
		}
		return nil
	})
	h.Logf("a renewed certificate is handed over %s after it was asked for, and served by every replica after %s",
		time.Since(start).Round(time.Second), awaitServed(h.T, jobSecret, start))
	mustKubectl(h.T, "delete", "job", "-n", namespace, "renew-now")
}
