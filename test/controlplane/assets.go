// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// findAssets asks the program in test/cluster for the directory of the binaries.
// It honours KUBEBUILDER_ASSETS, and downloads or builds what is missing, which can take
// minutes the first time, so its progress is shown.
func (p *Plane) findAssets(ctx context.Context) error {
	root, err := output(ctx, "", p.opts, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/pillion-dev/pillion")
	if err != nil {
		return err
	}
	p.root = root
	args := []string{"run", "."}
	if !p.opts.Controllers {
		args = append(args, "apiserver") // whose binaries are published, so that they need no building
	}
	p.assets, err = output(ctx, filepath.Join(root, "test", "cluster"), p.opts, "go", args...)
	return err
}

// output runs a command that talks to people on stderr and answers in one line on
// stdout.
func output(ctx context.Context, dir string, opts Options, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	// Interrupted rather than killed, it can clean up and tell its children.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, opts.Progress
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(stdout.String()), nil
}

// Binaries is the directory that holds kubectl and what else the control plane is made of.
func (p *Plane) Binaries() string { return p.assets }

func (p *Plane) asset(name string) string { return filepath.Join(p.assets, name) }
