// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestGuardsHoldWithoutTheWebhook enables both guards, and takes away what they are for.
func TestGuardsHoldWithoutTheWebhook(t *testing.T) {
	makeNamespace(t, namespace)
	apps := makeNamespace(t, "apps")
	runCertManager(t, "controller")
	runCertManager(t, "cainjector")
	h := newHelm(t, suite.helm4)
	h.install(baseValues().with(values{
		"finalStateGuard": map[string]any{"enabled": true},
		"labelGuard":      map[string]any{"enabled": true},
	}), "--wait")
	awaitPod(t, apps, time.Now())
	l := startLoad(t, apps)
	l.more(t)
	l.faultless(t, "with both guards")

	mayLabel(t, "tenant", apps)
	_, err := kubectl(t.Context(), "label", "namespace", apps, "pillion.dev/policy=web", "--as=tenant")
	if err == nil || !strings.Contains(err.Error(), "pillion: only members of system:masters may set, change or remove the label") {
		t.Errorf("a tenant has picked a policy; error %v", err)
	}
	mustKubectl(t, "label", "namespace", apps, "harmless=yes", "--as=tenant")
	mustKubectl(t, "label", "namespace", apps, "pillion.dev/policy=web")
	l.more(t)
	l.faultless(t, "with another policy")

	mustKubectl(t, "delete", "mutatingwebhookconfigurations", "-l", "app.kubernetes.io/instance="+release)
	await(t, func() error {
		err := tryPod(t, apps)
		if err == nil || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy 'pillion-final-state'") {
			return errors.Join(errors.New("a pod that asks was not refused by the guard"), err)
		}
		return nil
	})
	l.allRefused(t, "no webhook, but a guard")
}

// mayLabel gives a user the rights of a tenant who may edit namespaces, of which one is given.
func mayLabel(t *testing.T, user, namespace string) {
	t.Helper()
	mustKubectl(t, "create", "clusterrole", "edits-namespaces", "--verb=get,patch", "--resource=namespaces")
	mustKubectl(t, "create", "clusterrolebinding", "edits-namespaces", "--clusterrole=edits-namespaces", "--user="+user)
	t.Cleanup(func() {
		if _, err := kubectl(context.Background(), "delete", "clusterrole,clusterrolebinding", "edits-namespaces"); err != nil {
			t.Error(err)
		}
	})
	await(t, func() error { // the API server learns of rights in its own time
		_, err := kubectl(t.Context(), "label", "namespace", namespace, "harmless=maybe", "--dry-run=server", "--as="+user)
		return err
	})
}
