// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package ipctest gives a test an IPC namespace of its own, as a pod has one.
package ipctest

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

const inside = "PILLION_TEST_INSIDE"

// Inside starts the test that calls it again, in a process with its own IPC and user
// namespaces, and reports whether this is that process. There the caller is root, but
// for the machine it has no rights, and if it is root on the machine as well it can
// become other users. A process is also what a umask belongs to.
func Inside(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) == t.Name() {
		return true
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.Name())
	users := 1
	if os.Getuid() == 0 {
		users = 65536
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:                 syscall.CLONE_NEWUSER | syscall.CLONE_NEWIPC,
		UidMappings:                []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: users}},
		GidMappings:                []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: users}},
		GidMappingsEnableSetgroups: users > 1,
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		t.Skip("this machine lets nobody make user namespaces:", err)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}
