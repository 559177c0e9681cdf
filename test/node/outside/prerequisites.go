// SPDX-License-Identifier: Apache-2.0

//go:build linux

package outside

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/test/node/leftover"
)

// A machine is what a node needs to know of the one that it runs on.
type machine struct {
	root        bool
	path        []string // directories of programs
	cni         []string // directories where CNI plugins may be
	hierarchies []leftover.Hierarchy

	networkPolicies bool // are to be enforced
}

func thisMachine() (machine, error) {
	all, err := leftover.Hierarchies("/proc/self/mountinfo")
	return machine{
		root:        os.Geteuid() == 0,
		path:        filepath.SplitList(searchPath()),
		cni:         []string{"/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"},
		hierarchies: all,
	}, err
}

// Check says in one sentence all that this machine lacks to run a node, which may
// have to enforce NetworkPolicies.
func Check(networkPolicies bool) error {
	m, err := thisMachine()
	if err != nil {
		return err
	}
	m.networkPolicies = networkPolicies
	return m.check()
}

// searchPath is the caller's, and the directories of administrators' programs,
// which it often lacks.
func searchPath() string {
	return os.Getenv("PATH") + ":/usr/local/sbin:/usr/sbin:/sbin"
}

// needed are programs by the Debian package that brings them.
func (m machine) needed() map[string][]string {
	all := map[string][]string{
		"containerd": {"containerd", "containerd-shim-runc-v2", "ctr"},
		"iproute2":   {"ip"},
		"iptables":   {"iptables", "iptables-restore", "iptables-save"},
		"mount":      {"mount", "umount"},
		"runc":       {"runc"},
		"util-linux": {"nsenter"},
	}
	if m.networkPolicies {
		all["ipset"] = []string{"ipset"}
	}
	return all
}

func neededPlugins() []string { return []string{"host-local", "loopback", "portmap", "ptp"} }

// check says in one sentence all that this machine lacks, and how to get it.
func (m machine) check() error {
	var lacks, programs, packages []string
	for pkg, names := range m.needed() {
		absent := slices.DeleteFunc(names, m.has)
		programs = append(programs, absent...)
		if len(absent) > 0 {
			packages = append(packages, pkg)
		}
	}
	if !m.root {
		lacks = append(lacks, "the rights of root (try sudo)")
	}
	slices.Sort(programs)
	lacks = append(lacks, programs...)
	if m.pluginDir() == "" {
		lacks = append(lacks, "the CNI plugins "+list(neededPlugins())+" in one of "+strings.Join(m.cni, ", "))
		packages = append(packages, "containernetworking-plugins")
	}
	if absent := m.missingControllers(); len(absent) > 0 {
		lacks = append(lacks, "the cgroup controllers "+list(absent)+" (mounted below /sys/fs/cgroup)")
	}
	if len(lacks) == 0 {
		return nil
	}
	sentence := "a node cannot run here, because this lacks: " + strings.Join(lacks, "; ")
	if len(packages) > 0 {
		slices.Sort(packages)
		sentence += "; on Debian: apt-get install " + strings.Join(packages, " ")
	}
	return errors.New(sentence)
}

func (m machine) has(program string) bool {
	return slices.ContainsFunc(m.path, func(dir string) bool { return executable(dir, program) })
}

// pluginDir is the directory that has all plugins, or empty.
func (m machine) pluginDir() string {
	for _, dir := range m.cni {
		if !slices.ContainsFunc(neededPlugins(), func(name string) bool { return !executable(dir, name) }) {
			return dir
		}
	}
	return ""
}

func executable(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// missingControllers are those without which the kubelet does not start.
func (m machine) missingControllers() []string {
	need := []string{"cpu", "cpuset", "memory", "pids"}
	for _, h := range m.hierarchies {
		need = slices.DeleteFunc(need, func(name string) bool { return slices.Contains(h.Controllers, name) })
	}
	return need
}

// list joins words as a sentence does.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
