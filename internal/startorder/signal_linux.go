// SPDX-License-Identifier: Apache-2.0

package startorder

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// atDefault gives signals their default disposition, as the kernel knows it. Go's own
// handlers would take a signal that comes now with one thread and, while that ends the
// process, lose it if another thread comes to execve(2) first. By default the kernel
// itself ends the process when the signal is sent; or drops it, if this is the first
// process of a container, as it does for an app that has no handler yet.
func atDefault(signals ...syscall.Signal) {
	var action [4]uint64 // struct kernel_sigaction: SIG_DFL, no flags, no restorer, no mask
	for _, s := range signals {
		const maskSize = 8 // bytes
		// It fails for no signal of these.
		_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&action)), 0, maskSize, 0, 0) //nolint:gosec // the kernel reads it during the call
	}
}
