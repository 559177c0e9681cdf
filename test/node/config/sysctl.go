// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"strings"
)

// sysctls are the kernel settings that the kubelet writes if they differ
// (setupKernelTunables in pkg/kubelet/cm/container_manager_linux.go). They
// belong to the whole machine.
func sysctls() map[string]string {
	return map[string]string{
		"/proc/sys/kernel/keys/root_maxbytes": "25000000",
		"/proc/sys/kernel/keys/root_maxkeys":  "1000000",
		"/proc/sys/kernel/panic":              "10",
		"/proc/sys/kernel/panic_on_oops":      "1",
		"/proc/sys/vm/overcommit_memory":      "1",
		"/proc/sys/vm/panic_on_oom":           "0",
	}
}

// Sysctls are files to bind over those of /proc/sys, by the path that they
// cover: the kubelet finds in them what it wants, and leaves the machine alone.
func (n Node) Sysctls() map[string]string {
	files := map[string]string{}
	for name := range sysctls() {
		files[name] = n.path("etc", "sysctl", strings.ReplaceAll(strings.TrimPrefix(name, "/proc/sys/"), "/", "."))
	}
	return files
}

func (n Node) writeSysctls() error {
	var errs []error
	for name, file := range n.Sysctls() {
		errs = append(errs, writeFile(file, []byte(sysctls()[name]+"\n")))
	}
	return errors.Join(errs...)
}
