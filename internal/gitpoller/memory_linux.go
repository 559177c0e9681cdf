// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ownMemory is what the poller itself and the kernel on its behalf need of a
// container's memory, in bytes. Measured: the poller is resident with some 10 MiB.
const ownMemory = 32 << 20

// ChildMemory is how much of this container's memory a child may use, in bytes; 0 if
// the container has no limit.
func ChildMemory() int64 {
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err == nil && limit < 1<<50 { // cgroup v1 writes an enormous number for no limit
			return max(limit-ownMemory, limit/2)
		}
	}
	return 0
}

// limitMemory bounds this process, and offers it to the kernel as the first to be
// ended if the container's limit is reached all the same. Go's collector works harder
// from three quarters on; at the hard limit the process ends with "out of memory",
// rather than that the kernel ends the container. RLIMIT_DATA counts private writable
// memory since Linux 4.7, not the address space that Go reserves.
func limitMemory(bytes int64) error {
	if bytes == 0 {
		return nil
	}
	debug.SetMemoryLimit(bytes / 4 * 3)
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0) // anybody may raise it; it helps, and is not needed
	limit := unix.Rlimit{Cur: uint64(bytes), Max: uint64(bytes)}
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &limit); err != nil {
		return fmt.Errorf("memory cannot be limited to %d bytes: %w", bytes, err)
	}
	return nil
}
