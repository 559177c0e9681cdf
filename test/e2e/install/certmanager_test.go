// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// certManagerModule is the version of the module that the controllers are from, and where it is.
func certManagerModule(ctx context.Context) (version, dir string, err error) {
	const mod = "github.com/cert-manager/cert-manager"
	module := filepath.Join("..", "..", "certmanager")
	// The controllers may be there from long ago, and their module not.
	if _, err := command(ctx, "go", "-C", module, "mod", "download", mod); err != nil {
		return "", "", err
	}
	out, err := command(ctx, "go", "-C", module, "list", "-m", "-f", "{{.Version}} {{.Dir}}", mod)
	version, dir, _ = strings.Cut(out, " ")
	return version, dir, err
}

// installCertManagerTypes applies its CRDs.
func installCertManagerTypes(ctx context.Context) error {
	_, dir, err := certManagerModule(ctx)
	if err != nil {
		return err
	}
	crds, err := filepath.Glob(filepath.Join(dir, "deploy", "crds", "*cert-manager.io_*.yaml"))
	if err != nil || len(crds) == 0 {
		return fmt.Errorf("no CRDs in %s (%w)", dir, err)
	}
	for _, crd := range crds {
		if _, err := kubectl(ctx, "apply", "--server-side", "-f", crd); err != nil {
			return err
		}
	}
	_, err = kubectl(ctx, "wait", "--for=condition=Established", "crd", "--all", "--timeout=5m")
	return err
}

// runCertManager runs one of its controllers until the test ends or stop is called.
func runCertManager(t *testing.T, controller string) (stop func()) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), controller+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(suite.certManager, "certmanager"), controller)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+os.Getenv("E2E_KUBECONFIG"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		select {
		case err := <-ended:
			t.Errorf("%s ended by itself: %v", controller, err)
		default:
			_ = cmd.Process.Signal(syscall.SIGTERM)
			select {
			case <-ended:
			case <-time.After(time.Minute):
				_ = cmd.Process.Kill()
				<-ended
			}
		}
		log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			lines := strings.Split(string(text), "\n")
			t.Logf("the last lines of %s:\n%s", controller, strings.Join(lines[max(0, len(lines)-30):], "\n"))
		}
	}
	t.Cleanup(stop)
	return stop
}
