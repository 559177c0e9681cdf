// SPDX-License-Identifier: Apache-2.0

//go:build linux

package outside

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// findBinaries asks the program in test/cluster for the directory of a set of
// binaries, such as "node". It builds what is missing, which takes minutes the first
// time, so its progress is shown.
func findBinaries(ctx context.Context, progress io.Writer, set string) (string, error) {
	root, err := goCommand(ctx, "", progress, "list", "-m", "-f", "{{.Dir}}", "github.com/pillion-dev/pillion")
	if err != nil {
		return "", fmt.Errorf("the repository is not found; run this inside it: %w", err)
	}
	return goCommand(ctx, filepath.Join(root, "test", "cluster"), progress, "run", ".", set)
}

// goCommand runs the go command, which talks to people on stderr and answers in
// one line on stdout.
func goCommand(ctx context.Context, dir string, progress io.Writer, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	// Interrupted rather than killed, it can clean up and tell its children.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, progress
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(stdout.String()), nil
}
