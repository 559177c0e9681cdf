// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Kubectl runs the real kubectl as a cluster administrator, in the repository's
// directory. Warnings come back in stderr; the error of a failed run holds
// stderr as well, so it reads as what a user would have read.
func (p *Plane) Kubectl(ctx context.Context, stdin string, args ...string) (stdout, stderr string, err error) {
	args = append([]string{"--kubeconfig=" + p.kubeconfig, "--cache-dir=" + filepath.Join(p.dir, "kubectl")}, args...)
	cmd := exec.CommandContext(ctx, p.asset("kubectl"), args...)
	cmd.Dir = p.root
	cmd.Stdin = strings.NewReader(stdin)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return out.String(), errOut.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args[2:], " "), err, strings.TrimSpace(errOut.String()))
	}
	return out.String(), errOut.String(), nil
}
