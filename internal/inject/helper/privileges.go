// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"slices"
)

// Privileges that a helper may need. That of a capability is "capability:" and its name.
const (
	Token            = "token"         // the pod's ServiceAccount token
	Root             = "root"          // it runs as user 0
	WritableRoot     = "writable-root" // it writes into its own image's file system
	CapabilityPrefix = "capability:"
)

// baseline are the capabilities that Pod Security's baseline lets a container add.
var baseline = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
	"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

// Privileges are all that a helper can have, as definitions and policies write them.
func Privileges() []string {
	all := []string{Token, Root, WritableRoot}
	for _, name := range baseline {
		all = append(all, CapabilityPrefix+name)
	}
	return all
}

// Needs reports whether the helper has a privilege.
func (h *Helper) Needs(privilege string) bool { return slices.Contains(h.Privileges, privilege) }
