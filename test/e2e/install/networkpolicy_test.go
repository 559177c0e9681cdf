// SPDX-License-Identifier: Apache-2.0

package install

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestTheNetworkPolicyIsEnforced installs the chart without its NetworkPolicy, and then with it, on
// a network that enforces policies. Strangers lose their way to the webhook, and the webhook to
// others; API servers on all nodes, and those that may scrape, keep theirs.
func TestTheNetworkPolicyIsEnforced(t *testing.T) {
	secondNode(t) // API servers elsewhere than the replica are what a policy can lock out
	makeNamespace(t, namespace)
	apps := makeNamespace(t, "apps")
	for _, pod := range []string{"stranger", "scraper", "control"} {
		runPod(t, apps, pod, "role: "+pod)
	}
	runCertManager(t, "controller")
	runCertManager(t, "cainjector")
	h := newHelm(t, suite.helm4)
	h.install(baseValues().with(values{"networkPolicy": map[string]any{"enabled": false}}), "--wait")
	awaitPod(t, apps, time.Now())
	// It bears the labels of a replica, without being ready to serve.
	runPod(t, namespace, "impostor", "app.kubernetes.io/name: pillion-webhook, app.kubernetes.io/instance: "+release)

	control := "http://" + podIP(t, apps, "control") + ":8080/"
	for _, ip := range replicaIPs(t) {
		for _, port := range []string{"8443", "8081"} {
			awaitReach(t, apps, "stranger", "http://"+ip+":"+port+"/metrics", true)
		}
	}
	awaitReach(t, namespace, "impostor", control, true)

	policy := values{"networkPolicy": map[string]any{
		"from": []any{map[string]any{"ipBlock": map[string]any{"cidr": "198.18.0.0/24"}}},
		"metricsFrom": []any{map[string]any{
			"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": apps}},
			"podSelector":       map[string]any{"matchLabels": map[string]any{"role": "scraper"}},
		}},
	}}
	l := startLoad(t, apps)
	if err := h.upgrade(baseValues().with(policy), "--wait"); err != nil {
		t.Fatal(err)
	}
	awaitReach(t, namespace, "impostor", control, false)
	for _, ip := range replicaIPs(t) {
		reviews, metrics := "http://"+ip+":8443/metrics", "http://"+ip+":8081/metrics"
		awaitReach(t, apps, "stranger", reviews, false)
		awaitReach(t, apps, "stranger", metrics, false)
		awaitReach(t, apps, "scraper", reviews, false)
		awaitReach(t, apps, "scraper", metrics, true)
	}
	awaitReach(t, apps, "stranger", control, true)
	l.more(t)
	l.faultless(t, "the NetworkPolicy comes, and is enforced, through both API servers")
}

// runPod runs a pod with a web server at port 8080 that is never ready, so no Service leads to it.
func runPod(t *testing.T, namespace, name, labels string) {
	t.Helper()
	create := exec.CommandContext(t.Context(), "kubectl", "create", "-n", namespace, "-f", "-")
	create.Stdin = strings.NewReader(fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: %s, labels: {%s}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: web
    image: pillion.test/e2e:dev
    imagePullPolicy: Never
    command: [busybox, httpd, -f, -p, "8080", -h, /etc]
    readinessProbe: {exec: {command: [busybox, "false"]}}
`, name, labels))
	if _, err := execute(create); err != nil {
		t.Fatal(err)
	}
	await(t, func() error {
		started, err := kubectl(t.Context(), "get", "pod", "-n", namespace, name, "-o", "jsonpath={.status.containerStatuses[0].started}")
		if err == nil && started != "true" {
			err = fmt.Errorf("%s has not started", name)
		}
		return err
	})
}

func podIP(t *testing.T, namespace, name string) string {
	t.Helper()
	return mustKubectl(t, "get", "pod", "-n", namespace, name, "-o", "jsonpath={.status.podIP}")
}

func replicaIPs(t *testing.T) []string {
	t.Helper()
	return strings.Fields(mustKubectl(t, "get", "endpointslices", "-n", namespace, "-l", "kubernetes.io/service-name=pillion-webhook",
		"-o", "jsonpath={.items[*].endpoints[?(@.conditions.ready==true)].addresses[0]}"))
}

// awaitReach waits until a pod reaches an address, or does not. Whoever gets an HTTP status
// has reached it, and so has one who gets the wrong path.
func awaitReach(t *testing.T, namespace, pod, url string, want bool) {
	t.Helper()
	await(t, func() error {
		_, err := kubectl(t.Context(), "exec", "-n", namespace, pod, "--", "busybox", "timeout", "5", "busybox", "wget", "-qO", "/dev/null", url)
		reached := err == nil || strings.Contains(err.Error(), "server returned error")
		switch {
		case reached == want:
			return nil
		case reached:
			return fmt.Errorf("%s reaches %s", pod, url)
		default:
			return errors.Join(fmt.Errorf("%s does not reach %s", pod, url), err)
		}
	})
}
