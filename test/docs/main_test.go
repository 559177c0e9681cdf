// SPDX-License-Identifier: Apache-2.0

// Package docs proves the documentation: every manifest is applied to a real API server with
// the webhook, every command is run, and every link leads somewhere.
package docs

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/test/controlplane"
)

// rig is what commands of a page find: the control plane, and a directory for PATH.
var rig struct {
	plane *controlplane.Plane
	bin   string
}

func TestMain(m *testing.M) {
	os.Exit(main(m))
}

func main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "pillion-docs-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := writePolicies(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	options := controlplane.Options{Controllers: true, Webhook: true, Manifests: "examples/policies", PolicyDir: dir}
	return controlplane.Run(options, func(ctx context.Context, p *controlplane.Plane) int {
		rig.plane = p
		if rig.bin, err = programs(ctx, filepath.Join(dir, "bin")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	})
}

// writePolicies writes the policies of examples/policies, of which "default" allows the
// helpers of examples/helpers as well, and the definitions of these.
func writePolicies(dir string) error {
	copies, err := filepath.Glob("../../examples/policies/policies/*.yaml")
	if err != nil {
		return err
	}
	definitions, err := filepath.Glob("../../examples/helpers/policies/helper-*.yaml")
	if err != nil {
		return err
	}
	for _, file := range append(copies, definitions...) {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if filepath.Base(file) == "default.yaml" {
			if text, err = withHelpersOf(text, "../../examples/helpers/policies/default.yaml"); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// withHelpersOf adds the helpers that the policy in file lists to a policy.
func withHelpersOf(text []byte, file string) ([]byte, error) {
	type policy struct {
		APIVersion string         `json:"apiVersion"`
		Kind       string         `json:"kind"`
		Metadata   map[string]any `json:"metadata"`
		Spec       map[string]any `json:"spec"`
	}
	more, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var into, from policy
	if err := yaml.Unmarshal(text, &into); err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal(more, &from); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	helpers := into.Spec["helpers"].(map[string]any)
	maps.Copy(helpers, from.Spec["helpers"].(map[string]any))
	return yaml.Marshal(into)
}

// helmShim renders what Helm would install, since no kubelet runs it: Helm itself checks
// flags, values and templates.
const helmShim = `#!/bin/sh
case "$1" in
install) exec %[1]s "$@" --dry-run=client >/dev/null ;;
upgrade) exec %[1]s "$@" --install --dry-run=client >/dev/null ;;
*) exec %[1]s "$@" ;;
esac
`

// dryRunShim makes no change last.
const dryRunShim = `#!/bin/sh
case "$1" in
apply|create|delete|label|annotate|patch|replace) verb=$1; shift; exec %[1]s "$verb" --dry-run=server "$@" ;;
*) exec %[1]s "$@" ;;
esac
`

// programs puts kubectl, kubectl-pillion and helm into a directory, and in its directory
// "dry" a kubectl that changes nothing.
func programs(ctx context.Context, dir string) (string, error) {
	assets, err := built(ctx)
	if err != nil {
		return "", err
	}
	helm, err := built(ctx, "helm/v4")
	if err != nil {
		return "", err
	}
	kubectl := filepath.Join(assets, "kubectl")
	for path, text := range map[string]string{
		"helm":        fmt.Sprintf(helmShim, filepath.Join(helm, "helm")),
		"dry/kubectl": fmt.Sprintf(dryRunShim, kubectl),
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o700); err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o700); err != nil { //nolint:gosec // a program
			return "", err
		}
	}
	if err := os.Symlink(kubectl, filepath.Join(dir, "kubectl")); err != nil {
		return "", err
	}
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", dir, "./cmd/kubectl-pillion")
	build.Dir = rig.plane.Root()
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building kubectl-pillion: %w: %s", err, out)
	}
	return dir, nil
}

// built is the directory of what test/cluster builds.
func built(ctx context.Context, set ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"run", "."}, set...)...)
	cmd.Dir = filepath.Join(rig.plane.Root(), "test", "cluster")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	err := cmd.Run()
	return strings.TrimSpace(out.String()), err
}
