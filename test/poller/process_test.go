// SPDX-License-Identifier: Apache-2.0

package poller

import (
	"fmt"
	"os"
	"strconv"
	"strings"
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

// peaks are the most that was seen of a family: its resident memory with and without counting
// again the pages that its processes share, and the resident memory of the largest process.
type peaks struct{ sum, shared, largest int64 }

func (p *peaks) see(q peaks) {
	p.sum, p.shared, p.largest = max(p.sum, q.sum), max(p.shared, q.shared), max(p.largest, q.largest)
}

// watchPeak samples the memory of a family until stop is called, which returns the most
// that it saw.
func watchPeak(pid int) (stop func() peaks) {
	var peak peaks
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			var now peaks
			for _, p := range family(pid) {
				now.sum, now.largest = now.sum+p.rss, max(now.largest, p.rss)
				now.shared += kibibytes(fmt.Sprintf("/proc/%d/smaps_rollup", p.pid), "\nPss:")
			}
			peak.see(now)
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() peaks {
		close(done)
		<-ended
		return peak
	}
}

// anonymous is the memory of a family that is no file's: what a container cannot share.
func anonymous(pid int) (sum int64) {
	for _, p := range family(pid) {
		sum += kibibytes(fmt.Sprintf("/proc/%d/status", p.pid), "RssAnon:")
	}
	return sum
}

// kibibytes reads a number of a file of /proc, and returns it in bytes; 0 if it is not there.
func kibibytes(file, name string) int64 {
	text, _ := os.ReadFile(file)
	_, rest, found := strings.Cut(string(text), name)
	if !found {
		return 0
	}
	kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	return kib << 10
}
