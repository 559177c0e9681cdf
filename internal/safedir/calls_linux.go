// SPDX-License-Identifier: Apache-2.0

package safedir

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// openOnce opens one name. openat2(2) refuses links without leaving a mark on the
// descriptor, which an app may inherit; where a seccomp filter or an older kernel does
// not know it, O_NOFOLLOW does the same for one name.
func openOnce(dir int, name string, flag int, perm uint32) (int, error) {
	fd, err := unix.Openat2(dir, name, &unix.OpenHow{
		Flags: uint64(flag), Mode: uint64(mode(flag, perm)), Resolve: unix.RESOLVE_NO_SYMLINKS, //nolint:gosec // flags are no negative number
	})
	if errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EPERM) {
		return unix.Openat(dir, name, flag|unix.O_NOFOLLOW, perm)
	}
	return fd, err
}

// mode is what openat2(2) takes: none unless a file may be made.
func mode(flag int, perm uint32) uint32 {
	if flag&unix.O_CREAT == 0 {
		return 0
	}
	return perm
}

func mkfifoat(dir int, name string, mode uint32) error { return unix.Mkfifoat(dir, name, mode) }
