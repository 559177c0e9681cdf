// SPDX-License-Identifier: Apache-2.0

//go:build linux

package leftover

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHierarchies(t *testing.T) {
	t.Parallel()
	unified := t.TempDir()
	if err := os.WriteFile(filepath.Join(unified, "cgroup.controllers"), []byte("cpu io memory\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mountinfo := filepath.Join(t.TempDir(), "mountinfo")
	text := `25 30 0:24 / /sys rw,relatime - sysfs sysfs rw
33 32 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 master:1 - cgroup cgroup rw,cpu,cpuacct
34 32 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
35 32 0:30 /docker/1 ` + unified + ` rw - cgroup2 cgroup2 rw,nsdelegate
`
	if err := os.WriteFile(mountinfo, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Hierarchies(mountinfo)
	if err != nil {
		t.Fatal(err)
	}
	want := []Hierarchy{
		{Mount: "/sys/fs/cgroup/cpu,cpuacct", Controllers: []string{"rw", "cpu", "cpuacct"}},
		{Mount: "/sys/fs/cgroup/systemd", Controllers: []string{"rw", "name=systemd"}},
		{Mount: unified, Controllers: []string{"cpu", "io", "memory"}, V2: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestATreeOfCgroupsIsRemovedFromBelow(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "node")
	if err := os.MkdirAll(filepath.Join(root, "kubepods", "besteffort", "pod1"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do
		if err := removeTree(root); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(root); !os.IsNotExist(err) {
		t.Errorf("it is still there (%v)", err)
	}
}

func TestSweepRemovesWhatNobodyHolds(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	node := func(name string, age time.Duration) string {
		t.Helper()
		dir := filepath.Join(base, name)
		if err := os.MkdirAll(filepath.Join(dir, "log"), 0o700); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(dir, then, then); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	held := node(Prefix+"held", time.Hour)
	node(Prefix+"left", time.Hour)
	node(Prefix+"young", 0)
	node("somebody-else's", time.Hour)
	lock, err := Lock(held)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()

	if err := Sweep(base); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(base)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if diff := cmp.Diff([]string{Prefix + "held", Prefix + "young", "somebody-else's"}, got); diff != "" {
		t.Error(diff)
	}
}
