// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"errors"
	"testing"
	"time"
)

// certManagerNamespace is where its chart is installed.
const certManagerNamespace = "cert-manager"

// installCertManager installs cert-manager's own chart as its documentation says, which ends
// when its startup check has created a Certificate: with CRDs, webhook, cainjector and
// controller in the cluster, and the rights that the chart gives them.
func installCertManager(h helm) {
	h.Helper()
	version, module, err := certManagerModule(h.Context())
	if err != nil {
		h.Fatal(err)
	}
	start := time.Now()
	mustKubectl(h.T, "delete", "crd", "--all") // the chart brings them
	// What cert-manager's release does to the chart of its repository.
	h.must("package", module+"/deploy/charts/cert-manager", "--version", version, "--app-version", version, "--destination", h.home)
	h.Cleanup(func() { removeCertManager(h) })
	_, err = h.tryIn(h.Context(), certManagerNamespace, "install", "cert-manager", h.home+"/cert-manager-"+version+".tgz", "--create-namespace",
		"--set", "crds.enabled=true", "--values", h.file(certManagerValues()), "--wait", "--timeout", "8m")
	if err != nil {
		pods, _ := kubectl(context.WithoutCancel(h.Context()), "get", "pods,events", "-n", certManagerNamespace)
		h.Fatalf("%v\n%s", err, pods)
	}
	h.Logf("helm install cert-manager --wait: %s", time.Since(start).Round(100*time.Millisecond))
}

// certManagerValues have each component run in the image that test/certmanager is packed in.
func certManagerValues() values {
	of := func(component string) values {
		return values{
			"image":    map[string]any{"repository": "pillion.test/certmanager", "tag": "dev"},
			"extraEnv": []any{map[string]any{"name": "CERTMANAGER_RUN", "value": component}},
		}
	}
	return of("controller").with(values{
		"livenessProbe": map[string]any{"enabled": false}, // of the leader election, which it does without
		"webhook":       of("webhook"), "cainjector": of("cainjector"), "startupapicheck": of("startupapicheck"),
	})
}

// removeCertManager leaves its CRDs, as the chart does. Nobody waits for the rest to be gone.
func removeCertManager(h helm) {
	ctx := context.Background()
	if h.Failed() {
		for _, component := range []string{"controller", "webhook", "cainjector", "startupapicheck"} {
			said, err := kubectl(ctx, "logs", "-n", certManagerNamespace, "--tail=30", "-l", "app.kubernetes.io/component="+component)
			h.Logf("the last lines of cert-manager's %s (%v):\n%s", component, err, said)
		}
	}
	_, err := h.tryIn(ctx, certManagerNamespace, "uninstall", "cert-manager", "--ignore-not-found")
	_, err2 := kubectl(ctx, "delete", "namespace", certManagerNamespace, "--ignore-not-found", "--wait=false")
	if err := errors.Join(err, err2); err != nil {
		h.Error(err)
	}
}

// stopCainjector leaves the authorities in the webhook configurations to whoever writes them.
func stopCainjector(t *testing.T) {
	t.Helper()
	mustKubectl(t, "scale", "deployment", "-n", certManagerNamespace, "cert-manager-cainjector", "--replicas=0")
	mustKubectl(t, "wait", "--for=delete", "pod", "-n", certManagerNamespace, "-l", "app.kubernetes.io/component=cainjector", "--timeout=5m")
}
