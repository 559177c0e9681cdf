// SPDX-License-Identifier: Apache-2.0

// Package check breaks an installation in one way after another, on a real kube-apiserver,
// and holds what `kubectl pillion check` says of it.
//
// There is no kubelet and no controller: Deployment, pods, endpoints and what cert-manager
// says of its objects are written here, and the webhook is served by the test. So each
// breakage is exactly one thing. The port-forward is proven in test/e2e.
package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pillion-dev/pillion/test/controlplane"
)

// These are set once, before any test runs.
var (
	plane  *controlplane.Plane
	api    client.Client
	hook   *webhook
	plugin string // path of kubectl-pillion
)

func TestMain(m *testing.M) {
	os.Exit(controlplane.Run(controlplane.Options{EndpointRouting: true}, func(ctx context.Context, p *controlplane.Plane) int {
		plane = p
		if err := prepare(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "preparing the installation:", err)
			return 1
		}
		defer hook.server.Close()
		return m.Run()
	}))
}

func prepare(ctx context.Context) error {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), certmanagerv1.AddToScheme(scheme)); err != nil {
		return err
	}
	config := plane.Config()
	config.QPS = -1 // no waiting in the client
	var err error
	if api, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	plugin = filepath.Join(filepath.Dir(plane.Kubeconfig()), "kubectl-pillion")
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", plugin, "./cmd/kubectl-pillion")
	build.Dir = plane.Root()
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	if hook, err = serve(); err != nil {
		return err
	}
	if err := certManagerTypes(ctx); err != nil {
		return err
	}
	return install(ctx)
}

// certManagerTypes installs cert-manager's own definitions, from its module.
func certManagerTypes(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/cert-manager/cert-manager")
	cmd.Dir = plane.Root()
	dir, err := cmd.Output()
	if err != nil {
		return err
	}
	for _, resource := range []string{"certificates", "issuers", "clusterissuers"} {
		file := filepath.Join(strings.TrimSpace(string(dir)), "deploy", "crds", "cert-manager.io_"+resource+".yaml")
		if _, _, err := plane.Kubectl(ctx, "", "create", "-f", file); err != nil {
			return err
		}
		if err := eventually(ctx, func() error {
			_, _, err := plane.Kubectl(ctx, "", "get", resource+".cert-manager.io")
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// eventually waits until do succeeds.
func eventually(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		err := do()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// check runs kubectl pillion check.
func check(t *testing.T, args ...string) (text string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), plugin, append([]string{"check", "--kubeconfig", plane.Kubeconfig()}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}
