// SPDX-License-Identifier: Apache-2.0

//go:build linux

package outside

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// keepLogs copies the logs of the pieces and of the pods, before they are
// removed, if they are asked for or tell of a failure.
func (n *Node) keepLogs() error {
	if n.first == nil {
		return nil
	}
	failure := cmp.Or(n.failure, n.first.failure())
	if failure == nil && n.opts.KeepLogs == "" {
		return nil
	}
	parent := cmp.Or(n.opts.KeepLogs, os.TempDir())
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("the logs cannot be kept: %w", err)
	}
	dir, err := os.MkdirTemp(parent, "pillion-logs-")
	if err != nil {
		return fmt.Errorf("the logs cannot be kept: %w", err)
	}
	var errs []error
	for _, node := range n.All() {
		to := dir
		if node.Number > 1 {
			to = filepath.Join(dir, node.Name())
		}
		for from, to := range map[string]string{node.Logs(): to, node.PodLogs(): filepath.Join(to, "pods")} {
			if err := os.CopyFS(to, os.DirFS(from)); !errors.Is(err, fs.ErrNotExist) { // there may have been no pod
				errs = append(errs, err)
			}
		}
	}
	if failure != nil {
		errs = append(errs, os.WriteFile(filepath.Join(dir, "failure.txt"), []byte(failure.Error()+"\n"), 0o600))
	}
	n.progress("the logs are in %s", dir)
	return errors.Join(errs...)
}
