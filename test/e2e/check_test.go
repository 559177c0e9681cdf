// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What an administrator reads of the installation: certificates come through a real
// port-forward from real replicas, and endpoints are what kube-proxy has. It is told alone,
// before the stories that need the webhook.
func TestCheckSeesTheReplicas(t *testing.T) {
	plugin := buildPlugin(t)
	checked(t, plugin, 0,
		"✓ secret: the certificate in the Secret pillion-webhook-tls is for pillion-webhook.pillion-system.svc, until ",
		"✓ ca-bundle: it is the authority of the certificate in the Secret pillion-webhook-tls\n",
		"✓ endpoints: 2 ready\n",
		"✓ served-certificate: 2 replicas asked: what is served is trusted, and for pillion-webhook.pillion-system.svc\n",
		"✓ pods: policy default: a pod in the namespace default gets its date-writer\n",
	)

	scale := func(replicas int) error {
		_, err := kubectl(context.Background(), "", "scale", "-n", namespace, "deployment/pillion-webhook", fmt.Sprintf("--replicas=%d", replicas))
		return err
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := scale(2); err != nil {
			t.Error(err)
		}
		if err := eventually(ctx, inForce(ctx)); err != nil {
			t.Error(err)
		}
	})
	if err := scale(0); err != nil {
		t.Fatal(err)
	}
	// They would serve on for a while, and kube-proxy would let them.
	if _, err := kubectl(t.Context(), "", "delete", "pods", "-n", namespace, "-l", "app.kubernetes.io/name=pillion-webhook", "--force", "--grace-period=0"); err != nil {
		t.Fatal(err)
	}
	checked(t, plugin, 1,
		"✗ replicas: the Deployment pillion-webhook is scaled to 0\n    fix: kubectl -n pillion-system scale deployment pillion-webhook --replicas=2\n",
		"✗ endpoints: the Service pillion-system/pillion-webhook has no ready endpoint (of 0): "+
			"pods that ask for a helper are denied, or start without it under failurePolicy Ignore (because of replicas, above)\n",
		"· served-certificate: not checked: no replica is ready\n",
		"✗ pods: policy default: the API server could not call the webhook: ",
	)
}

// checked waits until kubectl pillion check ends with a code, and says all that is wanted.
func checked(t *testing.T, plugin string, code int, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var text string
	err := eventually(ctx, func() error {
		cmd := exec.CommandContext(ctx, plugin, "check", "--kubeconfig", os.Getenv("E2E_KUBECONFIG"))
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			return err
		}
		text = out.String()
		for _, w := range want {
			if !strings.Contains(text, w) {
				return fmt.Errorf("it does not say %q", w)
			}
		}
		if got := cmd.ProcessState.ExitCode(); got != code {
			return fmt.Errorf("exit code %d, want %d", got, code)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v; it says:\n%s", err, text)
	}
	t.Logf("\n%s", text)
}

// buildPlugin builds kubectl pillion, and is where it lies.
func buildPlugin(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "kubectl-pillion")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", path, "./cmd/kubectl-pillion")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}
