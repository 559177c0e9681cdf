// SPDX-License-Identifier: Apache-2.0

// Package browser opens the page of kubectl pillion dashboard in a real browser, on a real
// kube-apiserver with the real webhook. There is no kubelet: what one would say of a pod is
// written into its status.
package browser

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/pillion-dev/pillion/test/controlplane"
)

// patience is how long the test waits for what the page will show.
const patience = 5 * time.Minute

// These are set once, before any test runs.
var (
	plane   *controlplane.Plane
	clients *kubernetes.Clientset
	plugin  string // path of kubectl-pillion
	chrome  string // path of chromium
)

func TestMain(m *testing.M) {
	var err error
	if chrome, err = exec.LookPath("chromium"); err != nil {
		fmt.Fprintln(os.Stderr, "the dashboard is not tested: there is no chromium on the PATH; on Debian, apt install chromium")
		if os.Getenv("CI") == "true" {
			os.Exit(1)
		}
		return
	}
	options := controlplane.Options{Webhook: true, Manifests: "examples/policies", PolicyDir: "../../examples/policies/policies"}
	os.Exit(controlplane.Run(options, func(ctx context.Context, p *controlplane.Plane) int {
		plane = p
		if err := prepare(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}))
}

func prepare(ctx context.Context) (err error) {
	config := plane.Config()
	config.QPS = -1 // no waiting in the client
	if clients, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	plugin = filepath.Join(filepath.Dir(plane.Kubeconfig()), "kubectl-pillion")
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", plugin, "./cmd/kubectl-pillion")
	build.Dir = plane.Root()
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// dashboard starts the command and returns the address that it prints. It ends with the test.
func dashboard(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(plugin, append([]string{"dashboard", "--kubeconfig", plane.Kubeconfig()}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait())
		if err != nil {
			t.Errorf("the command ends with %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}
