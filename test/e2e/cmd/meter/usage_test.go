// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lay writes files below dir.
func lay(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBothVersionsOfControlGroupsAreRead(t *testing.T) {
	t.Parallel()
	want := Usage{Poller: 10 << 10, PollerPeak: 12 << 10, FetchPeak: 90 << 10, AnonymousPeak: 95, ContainerPeak: 200, Limit: 256, OOMKills: 1}
	for name, files := range map[string]map[string]string{
		"version 1": {
			"7/root/sys/fs/cgroup/memory/memory.max_usage_in_bytes": "200\n",
			"7/root/sys/fs/cgroup/memory/memory.limit_in_bytes":     "256\n",
			"7/root/sys/fs/cgroup/memory/memory.stat":               "rss 1\ntotal_rss 95\n",
			"7/root/sys/fs/cgroup/memory/memory.oom_control":        "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
		},
		"version 2": {
			"7/root/sys/fs/cgroup/memory.peak":   "200\n",
			"7/root/sys/fs/cgroup/memory.max":    "256\n",
			"7/root/sys/fs/cgroup/memory.stat":   "anon 95\nfile 3\n",
			"7/root/sys/fs/cgroup/memory.events": "oom 2\noom_kill 1\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proc := t.TempDir()
			lay(t, proc, files)
			lay(t, proc, map[string]string{
				"1/cmdline": "/pause\x00",
				"7/cmdline": "/pillion-helper\x00git-poller\x00--root=/x\x00",
				"7/status":  "Name:\tx\nVmHWM:\t      12 kB\nVmRSS:\t      10 kB\n",
				"9/cmdline": "/pillion-helper\x00git-fetch\x00",
				"9/status":  "VmHWM:\t      90 kB\n",
			})
			var got Usage
			got.sample(proc)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
