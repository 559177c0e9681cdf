// SPDX-License-Identifier: Apache-2.0

//go:build linux

package outside

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/pillion-dev/pillion/test/node/leftover"
)

// complete is a machine that lacks nothing. Its directories may be changed.
func complete(t *testing.T) machine {
	t.Helper()
	m := machine{
		root: true,
		path: []string{t.TempDir(), t.TempDir()},
		cni:  []string{"/nowhere", t.TempDir()},
		hierarchies: []leftover.Hierarchy{
			{Controllers: []string{"rw", "cpu", "cpuacct"}},
			{Controllers: []string{"cpuset", "memory", "pids"}, V2: true},
		},
	}
	for _, names := range m.needed() {
		for _, name := range names {
			program(t, m.path[1], name)
		}
	}
	for _, name := range neededPlugins() {
		program(t, m.cni[1], name)
	}
	return m
}

func program(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), nil, 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestAMachineSaysAllThatItLacksAtOnce(t *testing.T) {
	t.Parallel()
	m := complete(t)
	if err := m.check(); err != nil {
		t.Fatalf("nothing is missing, but: %v", err)
	}
	if got := m.pluginDir(); got != m.cni[1] {
		t.Errorf("plugins in %q, want %q", got, m.cni[1])
	}

	for _, path := range []string{
		filepath.Join(m.path[1], "runc"), filepath.Join(m.path[1], "ctr"), filepath.Join(m.cni[1], "ptp"),
	} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(m.path[0], "runc"), 0o700); err != nil { // a directory is no program
		t.Fatal(err)
	}
	m.root, m.hierarchies = false, m.hierarchies[:1]
	want := "a node cannot run here, because this lacks: the rights of root (try sudo); ctr; runc; " +
		"the CNI plugins host-local, loopback, portmap and ptp in one of /nowhere, " + m.cni[1] + "; " +
		"the cgroup controllers cpuset, memory and pids (mounted below /sys/fs/cgroup); " +
		"on Debian: apt-get install containerd containernetworking-plugins runc"
	if err := m.check(); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestOnlyRootIsMissing(t *testing.T) {
	t.Parallel()
	m := complete(t)
	m.root = false
	want := "a node cannot run here, because this lacks: the rights of root (try sudo)"
	if err := m.check(); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestADirectoryThatTheNodeHidesIsRefused(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	if got, err := base(); err != nil || got != dir {
		t.Errorf("got %q, error %v; want %q", got, err, dir)
	}

	t.Setenv("TMPDIR", "/var/lib")
	_, err = base()
	want := "the directory for temporary files is /var/lib, but a node has a /var/lib, /var/log, /dev, /proc, /run, /sys of its own; set TMPDIR to one elsewhere"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
