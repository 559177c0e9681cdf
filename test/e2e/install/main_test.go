// SPDX-License-Identifier: Apache-2.0

// Package install tests the installation: Helm 3 and 4, cert-manager's own controllers,
// and what pods see while both change things under them. It needs what test/e2e needs,
// and a cluster of its own, because an installation is cluster-wide:
//
//	make e2e-images
//	go run ./test/node run --nodes 2 --network-policies --image … -- go test -count=1 -v -timeout 60m ./test/e2e/install/
//
// E2E_KUBECONFIGS, a list separated by colons, names each API server of the cluster; the load
// goes through all of them. Tests of several nodes are skipped where there is one.
//
// Helm and cert-manager are built from their Go modules on first use. One test installs
// cert-manager by its own chart, with its webhook and startup check. For the others its
// controllers run beside the cluster, where they start and stop within a second.
package install

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tools are the directories of what is built for these tests.
type tools struct{ certManager, helm3, helm4 string }

// suite is what TestMain has prepared, and only reads.
var suite tools

func TestMain(m *testing.M) {
	if os.Getenv("E2E_KUBECONFIG") == "" {
		fmt.Println("e2e/install: E2E_KUBECONFIG names no cluster, so no test runs; run `make e2e`")
		return
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e/install:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	ctx := context.Background()
	for set, dir := range map[string]*string{"certmanager": &suite.certManager, "helm/v3": &suite.helm3, "helm/v4": &suite.helm4} {
		var err error
		if *dir, err = build(ctx, set); err != nil {
			return 0, err
		}
	}
	if err := installCertManagerTypes(ctx); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// build is the directory of the programs of a set, which takes minutes the first time.
func build(ctx context.Context, set string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "-C", filepath.Join("..", "..", "cluster"), "run", ".", set)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("the programs of %s cannot be had: %w", set, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// command runs a program. A failed run's error is what a user would have read.
func command(ctx context.Context, program string, args ...string) (string, error) {
	return execute(exec.CommandContext(ctx, program, args...))
}

func execute(cmd *exec.Cmd) (string, error) {
	cmd.Env = append(cmd.Environ(), "KUBECONFIG="+os.Getenv("E2E_KUBECONFIG"))
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w: %s", filepath.Base(cmd.Path), strings.Join(cmd.Args[1:], " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

func kubectl(ctx context.Context, args ...string) (string, error) {
	return command(ctx, "kubectl", args...)
}

// mustKubectl fails the test if kubectl does.
func mustKubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := kubectl(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// patience is enough for what the node and the controllers do by themselves, on a busy
// machine too.
const patience = 8 * time.Minute

// await fails the test if do does not return nil in time.
func await(t *testing.T, do func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		err := do()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("not within %s: %v", patience, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// makeNamespace makes one that lasts for the test.
func makeNamespace(t *testing.T, name string, labels ...string) string {
	t.Helper()
	// With its labels from the start: the API server can be late to notice one that comes later.
	manifest := fmt.Sprintf("apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {%s}}\n",
		name, strings.ReplaceAll(strings.Join(labels, ", "), "=", ": "))
	create := exec.CommandContext(t.Context(), "kubectl", "create", "-f", "-")
	create.Stdin = strings.NewReader(manifest)
	if _, err := execute(create); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := kubectl(context.Background(), "delete", "namespace", name); err != nil {
			t.Error(err)
		}
	})
	// All that controllers put there, and not only what pods need: tests list what is there.
	await(t, func() error {
		_, err := kubectl(t.Context(), "get", "serviceaccount/default", "configmap/kube-root-ca.crt", "-n", name)
		return err
	})
	return name
}
