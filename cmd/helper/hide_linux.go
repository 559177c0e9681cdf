// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// hide keeps other processes of the same user out of this one's /proc: its files, among
// them a mounted Secret by /proc/PID/root, its environment, its descriptors and its memory.
// In a pod whose containers share a process namespace an app with the helper's user ID could
// read them otherwise. A process that has CAP_SYS_PTRACE still can. It does not outlive execve(2).
//
// The first process of a process namespace has a container to itself: nobody is there to hide
// from, and git-poller has to be seen by its own verbs sync and status.
func hide() {
	if os.Getpid() == 1 {
		return
	}
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) // it fails for no value of these
}
