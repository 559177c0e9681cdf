// SPDX-License-Identifier: Apache-2.0

//go:build linux

package inside

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pillion-dev/pillion/test/node/config"
)

// mounts makes the machine's root file system and kernel settings read-only for
// the node, which writes to its own directory, to /run and to the cgroups.
// Nothing that is mounted here is seen outside.
func mounts(n config.Node) error {
	steps := []mount{
		{"", "/", "", unix.MS_REC | unix.MS_PRIVATE},
		{n.Dir, n.Dir, "", unix.MS_BIND},
		{n.Binaries, n.Bin(""), "", unix.MS_BIND}, // before something may hide it
	}
	if n.Router != "" {
		steps = append(steps, mount{n.Router, n.RouterDir(), "", unix.MS_BIND})
	}
	for _, path := range config.Hidden() {
		steps = append(steps, mount{n.Private(path), path, "", unix.MS_BIND})
	}
	steps = append(steps,
		mount{"", "/", "", unix.MS_REMOUNT | unix.MS_BIND | unix.MS_RDONLY},
		mount{"tmpfs", "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV},
		mount{"/dev/null", "/dev/kmsg", "", unix.MS_BIND}, // others' out-of-memory kills are not the node's
		mount{"proc", "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
	)
	for _, path := range []string{"/proc/sys/kernel", "/proc/sys/vm"} {
		steps = append(steps,
			mount{path, path, "", unix.MS_BIND},
			mount{"", path, "", unix.MS_REMOUNT | unix.MS_BIND | unix.MS_RDONLY})
	}
	for path, file := range n.Sysctls() {
		steps = append(steps, mount{file, path, "", unix.MS_BIND})
	}
	for _, step := range steps {
		if err := unix.Mount(step.source, step.target, step.fstype, step.flags, ""); err != nil {
			return fmt.Errorf("mounting %q on %s (flags %#x): %w", step.source, step.target, step.flags, err)
		}
	}
	return nil
}

type mount struct {
	source, target, fstype string
	flags                  uintptr
}
