// SPDX-License-Identifier: Apache-2.0

package install

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// secondNode skips a test if the cluster has one node only. It returns the kubeconfig of the
// API server of each.
func secondNode(t *testing.T) (first, second string) {
	t.Helper()
	all := apiServers()
	if len(all) < 2 {
		t.Skip("the cluster has one API server; `go run ./test/node run --nodes 2` starts one with two")
	}
	return all[0], all[1]
}

// node runs a verb of test/node on the cluster under test.
func node(t *testing.T, args ...string) {
	t.Helper()
	if _, err := command(t.Context(), "go", append([]string{"run", filepath.Join("..", "..", "node")}, args...)...); err != nil {
		t.Fatal(err)
	}
}

// TestAnAPIServerIsRestarted restarts one of two, as an upgrade of the control plane does. The
// other goes on. Pods that are created through the one that restarts may be denied or find nobody
// who answers, but are never bare.
func TestAnAPIServerIsRestarted(t *testing.T) {
	first, second := secondNode(t)
	makeNamespace(t, namespace)
	apps := makeNamespace(t, "apps")
	runCertManager(t, "controller")
	runCertManager(t, "cainjector")
	h := newHelm(t, suite.helm4)
	h.install(baseValues(), "--wait")
	awaitPod(t, apps, time.Now())
	other, restarted := startLoadThrough(t, []string{first}, apps), startLoadThrough(t, []string{second}, apps)
	restarted.more(t)
	restarted.faultless(t, "before the restart, through the API server that will restart")

	start := time.Now()
	node(t, "restart", "2")
	t.Logf("the API server ended %s after it was told to", time.Since(start).Round(time.Second))
	await(t, func() error {
		_, err := kubectl(t.Context(), "--kubeconfig", second, "get", "--raw", "/readyz")
		return err
	})
	t.Logf("it is ready again after %s", time.Since(start).Round(time.Second))
	y := restarted.awaitFaultless(t)
	t.Logf("through the API server that restarts, until a hundred pods in a row are created: %v\n%s", y, strings.Join(y.complaints, "\n"))
	if y.bare+y.othersTouched > 0 {
		t.Error("a pod went past the webhook")
	}
	other.faultless(t, "meanwhile, through the other API server")
}

// awaitFaultless waits until a hundred pods in a row got what they asked for, and returns what
// became of all in the phase.
func (l *load) awaitFaultless(t *testing.T) *tally {
	t.Helper()
	all := &tally{begun: l.now.begun}
	for deadline := time.Now().Add(patience); ; {
		l.more(t)
		y := l.phase()
		all.add(y)
		if y.asked > 0 && y.failed+y.bare+y.othersFailed+y.othersTouched == 0 {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("pods are still denied after %s: %v\n%s", patience, y, strings.Join(y.complaints, "\n"))
		}
	}
}
