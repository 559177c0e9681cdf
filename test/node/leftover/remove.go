// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package leftover is about what outlives a node's processes: its directory and
// its cgroups. Both have the same name.
package leftover

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Prefix starts the name of every node's directory.
const Prefix = "pillion-node-"

// Remove removes the node's directory and cgroups. It may be called again, and
// by somebody else.
func Remove(dir string) error {
	// The directory last: its name is how another run finds the rest.
	if err := removeCgroup(filepath.Base(dir)); err != nil {
		return fmt.Errorf("a cgroup of the node cannot be removed: %w", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("the node's directory cannot be removed: %w", err)
	}
	return nil
}

// Lock opens the directory of a node and locks it: for as long as the file is
// open in some process, somebody will remove the directory.
func Lock(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s cannot be locked: %w", dir, err)
	}
	return f, nil
}

// Sweep removes what nodes below base left whose processes were all killed at
// once. A directory younger than a minute may be one that is about to be locked.
func Sweep(base string) error {
	dirs, err := filepath.Glob(filepath.Join(base, Prefix+"*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range dirs {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		lock, err := Lock(dir)
		if err != nil {
			continue // in use
		}
		errs = append(errs, Remove(dir), lock.Close())
	}
	return errors.Join(errs...)
}
