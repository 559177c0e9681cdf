// SPDX-License-Identifier: Apache-2.0

package poller

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// process is what /proc/PID says of a process.
type process struct {
	pid, parent int
	own, ended  time.Duration // processor time: its own, and that of its children that have ended
	rss         int64         // bytes
}

// tick is the unit of processor times (proc_pid_stat(5)).
const tick = 10 * time.Millisecond

func processes() (all []process) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		number := func(i int) int64 { // of the manual page
			n, _ := strconv.ParseInt(fields[i-3], 10, 64)
			return n
		}
		all = append(all, process{
			pid, int(number(4)), time.Duration(number(14)+number(15)) * tick, time.Duration(number(16)+number(17)) * tick,
			number(24) * int64(os.Getpagesize()),
		})
	}
	return all
}

// family is a process and those that it started, and theirs.
func family(pid int) (all []process) {
	members := map[int]bool{pid: true}
	everybody := processes()
	for grown := true; grown; {
		grown = false
		for _, p := range everybody {
			if members[p.parent] && !members[p.pid] {
				members[p.pid], grown = true, true
			}
		}
	}
	for _, p := range everybody {
		if members[p.pid] {
			all = append(all, p)
		}
	}
	return all
}

func cpu(pid int) (sum time.Duration) {
	for _, p := range family(pid) {
		sum += p.own + p.ended
	}
	return sum
}

func rss(pid int) (sum int64) {
	for _, p := range family(pid) {
		sum += p.rss
	}
	return sum
}

// watchPeak samples the memory of a family until stop is called, which returns the most
// that it saw.
func watchPeak(pid int) (stop func() int64) {
	var peak atomic.Int64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			peak.Store(max(peak.Load(), rss(pid)))
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() int64 {
		close(done)
		<-ended
		return peak.Load()
	}
}

// anonymous is the memory of a family that is no file's: what a container cannot share.
func anonymous(pid int) (sum int64) {
	for _, p := range family(pid) {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
		if _, rest, found := strings.Cut(string(status), "RssAnon:"); found {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			sum += kib << 10
		}
	}
	return sum
}
