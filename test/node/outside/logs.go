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
	err = os.CopyFS(filepath.Join(dir, "pods"), os.DirFS(n.PodLogs()))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // there has been no pod
	}
	errs := []error{err, os.CopyFS(dir, os.DirFS(n.Logs()))}
	if failure != nil {
		errs = append(errs, os.WriteFile(filepath.Join(dir, "failure.txt"), []byte(failure.Error()+"\n"), 0o600))
	}
	n.progress("the logs are in %s", dir)
	return errors.Join(errs...)
}
