// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkRun says what the wrapper costs a start: the time of true(1) behind it, and
// how many times that is of true(1) alone; and what memory it takes while it waits,
// in all and of its own, without the pages of its file.
func BenchmarkRun(b *testing.B) {
	dir := b.TempDir()
	helper := filepath.Join(dir, "pillion-helper")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", helper, ".")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	once := func(argv ...string) time.Duration {
		began := time.Now()
		cmd := exec.Command(argv[0], argv[1:]...)
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
		return time.Since(began)
	}
	for name, flags := range map[string][]string{
		"nothing":   nil,
		"condition": {"--wait=file:/"},
		"claim":     {"--name=web", "--state=" + dir},
	} {
		b.Run(name, func(b *testing.B) {
			var alone, behind time.Duration
			for b.Loop() { // in turn, so that the machine is as busy for both
				alone += once("true")
				behind += once(append(append([]string{helper, "run"}, flags...), "--", "true")...)
			}
			b.ReportMetric(float64(behind.Microseconds())/float64(b.N)/1000, "ms/start")
			b.ReportMetric(float64(behind)/float64(alone), "×alone")
			b.ReportMetric(0, "ns/op")
		})
	}

	b.Run("waiting", func(b *testing.B) {
		for b.Loop() {
			w := start(b, helper, "--wait=file:/never", "--", "true")
			w.hears(w.stderr, "pillion: true waits for ")
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(kib(status, "VmHWM:"), "KiB")
			b.ReportMetric(kib(status, "RssAnon:"), "own-KiB")
			w.send(syscall.SIGTERM)
			_ = w.cmd.Wait()
		}
	})
}

// kib is a line of /proc/PID/status.
func kib(status []byte, name string) float64 {
	var n float64
	_, rest, _ := strings.Cut(string(status), name)
	_, _ = fmt.Sscan(rest, &n)
	return n
}
