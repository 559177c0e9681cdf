// SPDX-License-Identifier: Apache-2.0

//go:build linux

package leftover

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A Hierarchy is a mounted tree of cgroups.
type Hierarchy struct {
	Mount       string
	Controllers []string
	V2          bool
}

// Hierarchies lists those that mountinfo, the file /proc/self/mountinfo, names.
// A named hierarchy of version 1, such as systemd's, has no controllers.
func Hierarchies(mountinfo string) ([]Hierarchy, error) {
	f, err := os.Open(mountinfo)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []Hierarchy
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// "36 35 98:0 /root /mount options optional... - type source superoptions"
		left, right, ok := strings.Cut(lines.Text(), " - ")
		mount, fstype := strings.Fields(left), strings.Fields(right)
		if !ok || len(mount) < 5 || len(fstype) < 3 {
			continue
		}
		switch h := (Hierarchy{Mount: mount[4]}); fstype[0] {
		case "cgroup":
			h.Controllers = strings.Split(fstype[2], ",")
			all = append(all, h)
		case "cgroup2":
			data, err := os.ReadFile(filepath.Join(h.Mount, "cgroup.controllers"))
			if err != nil {
				return nil, err
			}
			h.V2, h.Controllers = true, strings.Fields(string(data))
			all = append(all, h)
		}
	}
	return all, nil
}

// MakeCgroup makes the cgroup in every hierarchy, below one that exists, and passes
// the controllers of version 2 on to it.
func MakeCgroup(name string) error {
	all, err := Hierarchies("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for _, h := range all {
		for _, controller := range h.Controllers {
			if !h.V2 {
				break
			}
			if err := os.WriteFile(filepath.Join(h.Mount, filepath.Dir(name), "cgroup.subtree_control"), []byte("+"+controller), 0); err != nil {
				return fmt.Errorf("the cgroup controller %s cannot be passed on: %w", controller, err)
			}
		}
		if err := os.Mkdir(filepath.Join(h.Mount, name), 0o755); err != nil {
			return fmt.Errorf("a cgroup cannot be made: %w", err)
		}
	}
	return nil
}

// removeCgroup removes the cgroup with all below it from every hierarchy.
func removeCgroup(name string) error {
	all, err := Hierarchies("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var errs []error
	for _, h := range all {
		errs = append(errs, removeTree(filepath.Join(h.Mount, name)))
	}
	return errors.Join(errs...)
}

// removeTree removes directories only: the files in a cgroup are the kernel's.
func removeTree(root string) error {
	var dirs []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err == nil && d.IsDir():
			dirs = append(dirs, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, dir := range slices.Backward(dirs) {
		if err := removeCgroupDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// removeCgroupDir gives the kernel time to take leave of killed processes.
func removeCgroupDir(dir string) error {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		err := os.Remove(dir)
		switch {
		case err == nil, errors.Is(err, fs.ErrNotExist):
			return nil
		case !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline):
			return err
		}
	}
}
