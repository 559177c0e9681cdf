// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"path"
	"strings"
)

// CleanMount is a mount path as container runtimes take it: relative ones begin at
// the root, and "/a/" is "/a".
func CleanMount(p string) string {
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	return path.Clean(p)
}

// Inside reports whether the clean path a lies below the clean path b.
func Inside(a, b string) bool {
	below, found := strings.CutPrefix(a, strings.TrimSuffix(b, "/"))
	return found && strings.HasPrefix(below, "/") && a != b
}

// Overlap reports whether two clean paths are the same, or one lies below the other.
func Overlap(a, b string) bool { return a == b || Inside(a, b) || Inside(b, a) }
