// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
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

// Needs tells whether the helper has a privilege.
func (h *Helper) Needs(privilege string) bool { return slices.Contains(h.Privileges, privilege) }

// Security is the security context of the helper: restricted, less the privileges that it has.
func (e *Editor) Security(r *Request) *corev1.SecurityContext {
	s := Restricted(e.rules, e.rules.User())
	for _, privilege := range r.Helper.Privileges {
		switch name, capability := strings.CutPrefix(privilege, CapabilityPrefix); {
		case capability:
			s.Capabilities.Add = append(s.Capabilities.Add, corev1.Capability(name))
		case privilege == Root:
			s.RunAsUser, s.RunAsGroup, s.RunAsNonRoot = new(int64(0)), new(int64(0)), new(false)
		case privilege == WritableRoot:
			s.ReadOnlyRootFilesystem = new(false)
		}
	}
	return s
}
