// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Usage is what was seen, in bytes. A peak is the highest of all samples.
type Usage struct {
	Poller        int64 `json:"poller"`        // resident memory of the process that stays
	PollerPeak    int64 `json:"pollerPeak"`    // the kernel's own high-water mark of it
	FetchPeak     int64 `json:"fetchPeak"`     // the same of the processes that look at the remote
	AnonymousPeak int64 `json:"anonymousPeak"` // of the container without cached files
	ContainerPeak int64 `json:"containerPeak"` // of the container; cached files, which can be dropped, count up to the limit
	Limit         int64 `json:"limit"`
	OOMKills      int64 `json:"oomKills"` // processes that the kernel ended for want of memory
}

// sample looks at all processes below proc.
func (u *Usage) sample(proc string) {
	processes, _ := filepath.Glob(filepath.Join(proc, "[0-9]*"))
	for _, p := range processes {
		command, err := os.ReadFile(filepath.Join(p, "cmdline"))
		switch words := strings.Split(string(command), "\x00"); {
		case err != nil || len(words) < 2 || filepath.Base(words[0]) != "pillion-helper":
		case words[1] == "git-poller":
			status := filepath.Join(p, "status")
			u.Poller, u.PollerPeak = field(status, "VmRSS:"), max(u.PollerPeak, field(status, "VmHWM:"))
			u.container(filepath.Join(p, "root/sys/fs/cgroup"))
		case words[1] == "git-fetch":
			u.FetchPeak = max(u.FetchPeak, field(filepath.Join(p, "status"), "VmHWM:"))
		}
	}
}

// container reads what the kernel counts for a container, in version 2 of its control
// groups or in version 1.
func (u *Usage) container(cgroup string) {
	if _, err := os.Stat(filepath.Join(cgroup, "memory.max")); err == nil {
		u.ContainerPeak = number(filepath.Join(cgroup, "memory.peak"))
		u.Limit = number(filepath.Join(cgroup, "memory.max"))
		u.AnonymousPeak = max(u.AnonymousPeak, field(filepath.Join(cgroup, "memory.stat"), "anon"))
		u.OOMKills = field(filepath.Join(cgroup, "memory.events"), "oom_kill")
		return
	}
	cgroup = filepath.Join(cgroup, "memory")
	u.ContainerPeak = number(filepath.Join(cgroup, "memory.max_usage_in_bytes"))
	u.Limit = number(filepath.Join(cgroup, "memory.limit_in_bytes"))
	u.AnonymousPeak = max(u.AnonymousPeak, field(filepath.Join(cgroup, "memory.stat"), "total_rss"))
	u.OOMKills = field(filepath.Join(cgroup, "memory.oom_control"), "oom_kill")
}

// field is the number that follows a name in a file of lines; 0 if there is none.
func field(file, name string) int64 {
	content, _ := os.ReadFile(file)
	for line := range strings.Lines(string(content)) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != name {
			continue
		}
		n, _ := strconv.ParseInt(words[1], 10, 64)
		if len(words) == 3 && words[2] == "kB" {
			n <<= 10
		}
		return n
	}
	return 0
}

func number(file string) int64 {
	content, _ := os.ReadFile(file)
	n, _ := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
	return n
}
