// SPDX-License-Identifier: Apache-2.0

//go:build linux

package outside

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pillion-dev/pillion/test/node/config"
	"github.com/pillion-dev/pillion/test/node/leftover"
)

// base is where nodes have their directories: TMPDIR, or else the roomier one
// of /tmp and /var/tmp.
func base() (string, error) {
	dir := os.TempDir()
	if os.Getenv("TMPDIR") == "" && free("/var/tmp") > free(dir) {
		dir = "/var/tmp"
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", fmt.Errorf("the directory for temporary files: %w; set TMPDIR to one that can be used", err)
	}
	hidden := append(config.Hidden(), "/dev", "/proc", "/run", "/sys")
	if slices.ContainsFunc(hidden, func(h string) bool { return strings.HasPrefix(dir+"/", h+"/") }) {
		return "", fmt.Errorf("the directory for temporary files is %s, but a node has a %s of its own; set TMPDIR to one elsewhere", dir, strings.Join(hidden, ", "))
	}
	return dir, nil
}

// free is the room in a file system in bytes, or 0 if there is none such.
func free(dir string) uint64 {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0
	}
	return fs.Bavail * uint64(fs.Bsize)
}

// makeDir makes the directory of a new node below base, and locks it. It stays
// locked while a process has the returned file, open or inherited.
func makeDir(base string) (*os.File, error) {
	dir, err := os.MkdirTemp(base, leftover.Prefix)
	if err != nil {
		return nil, err
	}
	lock, err := leftover.Lock(dir)
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	return lock, nil
}

// snapshotter avoids overlayfs on overlayfs, which Linux does not do.
func snapshotter(dir string) (string, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return "", fmt.Errorf("the file system of %s: %w", dir, err)
	}
	if fs.Type == unix.OVERLAYFS_SUPER_MAGIC {
		return "native", nil
	}
	return "overlayfs", nil
}
