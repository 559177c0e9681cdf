// SPDX-License-Identifier: Apache-2.0

package install

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWithoutANode ends all that runs on one of two nodes, and its network, without a word. An
// API server learns of that from the node controller; until then it calls a replica that is gone,
// and waits. The node does not come back, so the name of this file is the last of the package.
func TestWithoutANode(t *testing.T) {
	first, _ := secondNode(t)
	makeNamespace(t, namespace)
	apps := makeNamespace(t, "apps")
	runCertManager(t, "controller")
	runCertManager(t, "cainjector")
	h := newHelm(t, suite.helm4)
	v := baseValues()
	delete(v, "timeoutSeconds") // what a lost replica costs depends on it, so it is the chart's
	h.install(v, "--wait")
	awaitPod(t, apps, time.Now())
	const lost = "pillion-2"
	if nodes := servingNodes(t); !slices.Equal(nodes, []string{"pillion", lost}) {
		t.Fatalf("the replicas are on %q, want one on each node", nodes)
	}
	l := startLoadThrough(t, []string{first}, apps)
	l.more(t)
	l.faultless(t, "before the loss")

	node(t, "crash", "2")
	start := time.Now()
	await(t, func() error {
		if slices.Contains(servingNodes(t), lost) {
			return errors.New("the Service still has the replica on the lost node")
		}
		return nil
	})
	t.Logf("the Service has lost the replica after %s", time.Since(start).Round(time.Second))
	y := l.awaitFaultless(t)
	t.Logf("until a hundred pods in a row are created: %v; the first were told:\n%s", y, strings.Join(y.complaints[:min(5, len(y.complaints))], "\n"))
	if y.bare+y.othersFailed+y.othersTouched > 0 {
		t.Errorf("pods that request no helper, or got none, suffered:\n%s", strings.Join(y.complaints, "\n"))
	}

	start = time.Now() // what an administrator does, or a cloud by removing the Node
	mustKubectl(t, "taint", "node", lost, "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute")
	await(t, func() error {
		if nodes := servingNodes(t); !slices.Equal(nodes, []string{"pillion", "pillion"}) {
			return errors.New("the lost replica is not replaced yet")
		}
		return nil
	})
	t.Logf("the lost replica is replaced %s after the node was said to be out of service", time.Since(start).Round(time.Second))
	l.more(t)
	l.faultless(t, "while the lost replica is replaced")
}

// servingNodes are the nodes of the replicas that the Service leads to.
func servingNodes(t *testing.T) []string {
	t.Helper()
	nodes := strings.Fields(mustKubectl(t, "get", "endpointslices", "-n", namespace, "-l", "kubernetes.io/service-name=pillion-webhook",
		"-o", "jsonpath={.items[*].endpoints[?(@.conditions.ready==true)].nodeName}"))
	slices.Sort(nodes)
	return nodes
}
