// SPDX-License-Identifier: Apache-2.0

package install

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// leftByCertManager are the Secrets of its certificates: it never deletes one, because
// something may still use it.
func leftByCertManager() []string {
	return []string{"secrets " + namespace + "/pillion-ca", "secrets " + namespace + "/" + leafSecret}
}

// TestTheLifeOfAnInstallation goes from nothing to nothing, under a load that may not
// lose a pod on the way.
func TestTheLifeOfAnInstallation(t *testing.T) {
	testLife(newHelm(t, suite.helm4), "--rollback-on-failure")
}

func TestTheLifeOfAnInstallationByHelm3(t *testing.T) {
	testLife(newHelm(t, suite.helm3), "--atomic")
}

func testLife(h helm, rollsBack string) {
	makeNamespace(h.T, namespace, "pod-security.kubernetes.io/enforce=restricted", "pod-security.kubernetes.io/warn=restricted")
	apps := makeNamespace(h.T, "apps")
	web := makeNamespace(h.T, "web", "pillion.dev/policy=web")
	batch := makeNamespace(h.T, "batch", "pillion.dev/policy=batch") // a policy that comes and goes
	runCertManager(h.T, "controller")
	runCertManager(h.T, "cainjector")
	h.mustNotWarn(baseValues())
	before := everything(h.T)

	start := time.Now()
	h.install(baseValues(), "--wait")
	installed := time.Since(start).Round(100 * time.Millisecond)
	first, refused := awaitPod(h.T, apps, start)
	h.Logf("helm install --wait: %s; first pod with its helper: %s after its start (refused before: %v)", installed, first, refused)
	mayNothing(h.T)

	l, comesAndGoes := startLoad(h.T, apps, web), startLoad(h.T, batch)
	comesAndGoes.more(h.T) // they are refused
	h.upgradeUnderLoad(l)
	comesAndGoes.neverBare(h.T, "meanwhile, under the policy that comes")
	comesAndGoes.more(h.T) // they get their helper
	h.rollBackUnderLoad(l)
	comesAndGoes.neverBare(h.T, "meanwhile, under the policy that goes")
	comesAndGoes.stop()
	h.refuseABadPolicyUnderLoad(l, rollsBack)

	h.must("uninstall", release, "--wait", "--timeout", "8m")
	l.more(h.T)
	l.othersUnhurt(h.T, "helm uninstall, and after it")
	l.stop()
	h.awaitOnlyMore(before, leftByCertManager())

	start = time.Now()
	h.install(baseValues(), "--wait")
	again, _ := awaitPod(h.T, apps, start)
	h.Logf("installed over what was left, the first pod has its helper after %s", again)
}

// mustNotWarn shows the API server what would be installed.
func (h helm) mustNotWarn(v values) {
	h.Helper()
	manifest := h.must("template", release, chart, "--values", h.file(v), "--kube-version", "1.37.0", "--skip-tests")
	cmd := exec.CommandContext(h.Context(), "kubectl", "apply", "--dry-run=server", "--warnings-as-errors", "-f", "-")
	cmd.Stdin = strings.NewReader(manifest)
	if _, err := execute(cmd); err != nil {
		h.Error(err)
	}
}

// mayNothing compares the rights of the serving ServiceAccount with those of one that
// was never given any.
func mayNothing(t *testing.T) {
	t.Helper()
	rights := func(account string) string {
		t.Helper()
		return mustKubectl(t, "auth", "can-i", "--list", "-n", namespace, "--as=system:serviceaccount:"+namespace+":"+account,
			"--as-group=system:serviceaccounts", "--as-group=system:serviceaccounts:"+namespace, "--as-group=system:authenticated")
	}
	if diff := cmp.Diff(rights("never-heard-of"), rights("pillion-webhook")); diff != "" {
		t.Errorf("the webhook's ServiceAccount may what others may not:\n%s", diff)
	}
}

// changedValues have one more replica, one more rule in a policy, and an added policy.
func changedValues() values {
	strict := anyDates()
	strict["limits"] = map[string]any{"helpersPerPod": 2}
	return baseValues().with(values{
		"replicas": 3,
		"policies": map[string]any{"default": anyDates(), "web": strict, "batch": anyDates()},
	})
}

func (h helm) upgradeUnderLoad(l *load) {
	h.Helper()
	l.phase()
	if err := h.upgrade(changedValues(), "--wait"); err != nil {
		h.Fatal(err)
	}
	h.upgradeAfterAKS() // while the previous replicas drain
	awaitSettled(h.T, 3)
	l.faultless(h.T, "helm upgrade, until the last previous replica has ended")
}

func (h helm) rollBackUnderLoad(l *load) {
	h.Helper()
	h.must("rollback", release, "1", "--wait", "--timeout", "8m")
	awaitSettled(h.T, 2)
	l.faultless(h.T, "helm rollback, until the last previous replica has ended")
	names := mustKubectl(h.T, "get", "mutatingwebhookconfigurations", "-l", "app.kubernetes.io/instance="+release, "-o", "jsonpath={.items[*].webhooks[*].name}")
	want := "inject.pillion.dev default.inject.pillion.dev web.inject.pillion.dev unknown.inject.pillion.dev"
	if names != want {
		h.Errorf("the entries after the rollback are %q, want %q", names, want)
	}
}

// refuseABadPolicyUnderLoad upgrades to a policy that contradicts itself. The new
// replica must not serve, the old ones must go on, and helm must return to them.
func (h helm) refuseABadPolicyUnderLoad(l *load, rollsBack string) {
	h.Helper()
	bad := anyDates()
	bad["helpers"].(map[string]any)["date-writer"] = map[string]any{
		"options": map[string]any{"interval": map[string]any{"default": "1s", "min": "1m"}},
	}
	old := serving(h.T)
	upgraded := make(chan error, 1)
	file := h.file(baseValues().with(values{"policies": map[string]any{"default": bad, "web": anyDates()}}))
	go func() {
		_, err := h.try(h.Context(), "upgrade", release, chart, "--values", file, "--wait", rollsBack, "--timeout", "90s")
		upgraded <- err
	}()
	await(h.T, func() error {
		for _, r := range replicas(h.T) {
			if slices.Contains(old, r.Metadata.Name) {
				continue
			}
			said, err := kubectl(h.Context(), "logs", "-n", namespace, r.Metadata.Name)
			if err == nil && strings.Contains(said, "breaks the rule itself: the minimum is 1m") {
				return nil
			}
		}
		return errors.New("no new replica says what is wrong with the policy")
	})
	policiesAreThere(h.T)
	if err := <-upgraded; err == nil {
		h.Error("helm upgrade with a policy that contradicts itself has succeeded")
	} else {
		h.Logf("helm upgrade with a bad policy: %v", err)
	}
	awaitSettled(h.T, 2)
	l.faultless(h.T, "helm upgrade with a bad policy, and its rollback")
	if now := serving(h.T); !slices.Equal(now, old) {
		h.Errorf("the replicas are %q, want the previous ones, %q", now, old)
	}
}

// policiesAreThere makes sure that each replica, the previous ones too, could be started
// again on another node.
func policiesAreThere(t *testing.T) {
	t.Helper()
	names := mustKubectl(t, "get", "pods", "-n", namespace, "-o", `jsonpath={.items[*].spec.volumes[?(@.name=="policies")].configMap.name}`)
	for name := range strings.FieldsSeq(names) {
		mustKubectl(t, "get", "configmap", "-n", namespace, name)
	}
	if names == "" {
		t.Error("no replica has a ConfigMap with its policies")
	}
}

// serving are the names of the replicas.
func serving(t *testing.T) (names []string) {
	t.Helper()
	for _, r := range replicas(t) {
		names = append(names, r.Metadata.Name)
	}
	slices.Sort(names)
	return names
}

// awaitOnlyMore waits until the cluster has what it had before, and some objects that
// are expected.
func (h helm) awaitOnlyMore(before, expected []string) {
	h.Helper()
	await(h.T, func() error {
		left := moreThan(before, everything(h.T))
		if diff := cmp.Diff(expected, left); diff != "" {
			return fmt.Errorf("what is left is not what should be:\n%s", diff)
		}
		return nil
	})
	h.Logf("left after helm uninstall: %s", strings.Join(expected, ", "))
}
