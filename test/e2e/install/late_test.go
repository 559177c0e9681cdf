// SPDX-License-Identifier: Apache-2.0

package install

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestCertManagerIsLate installs before there is anybody to issue a certificate or to
// write its authority into the configurations. Meanwhile annotated pods are denied, and
// nobody else notices.
func TestCertManagerIsLate(t *testing.T) {
	makeNamespace(t, namespace)
	apps := makeNamespace(t, "apps")
	h := newHelm(t, suite.helm4)
	h.install(baseValues())
	l := startLoad(t, apps)
	await(t, func() error {
		events, err := kubectl(t.Context(), "get", "events", "-n", namespace, "--field-selector=reason=FailedMount", "-o", "jsonpath={.items[*].message}")
		if err == nil && !strings.Contains(events, leafSecret) {
			err = errors.New("the kubelet has not missed the Secret yet")
		}
		return err
	})
	l.allRefused(t, "the Secret is missing")

	start := time.Now()
	runCertManager(t, "controller")
	awaitSettled(t, 2)
	t.Logf("all replicas are ready %s after cert-manager came", time.Since(start).Round(time.Second))
	for _, r := range replicas(t) {
		if n := r.restarts(); n > 0 {
			t.Errorf("%s was restarted %d times while it waited for its certificate", r.Metadata.Name, n)
		}
	}
	await(t, func() error {
		if err := tryPod(t, apps); err == nil || !strings.Contains(err.Error(), "x509: certificate signed by unknown authority") {
			return errors.Join(errors.New("the pod was not refused for want of an authority"), err)
		}
		return nil
	})
	l.allRefused(t, "the authority is missing")

	start = time.Now()
	runCertManager(t, "cainjector")
	took, before := awaitPod(t, apps, start)
	t.Logf("the first pod gets its helper %s after cainjector came; the one before was told: %v", took, before)
	l.phase()
	l.more(t)
	l.faultless(t, "cainjector has come")
}
