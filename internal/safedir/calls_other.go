// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package safedir

import (
	"errors"

	"golang.org/x/sys/unix"
)

func openOnce(dir int, name string, flag int, perm uint32) (int, error) {
	return unix.Openat(dir, name, flag|unix.O_NOFOLLOW, perm)
}

func mkfifoat(int, string, uint32) error { return errors.ErrUnsupported }
