// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"os"
	"strings"
)

// setting is a value below /proc/sys, as this pod's namespaces have it; "?" if it
// cannot be read.
func setting(path string) string {
	text, err := os.ReadFile("/proc/sys/" + path)
	if err != nil {
		return "?"
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

// said puts the name of a setting before its value, as sysctl(8) prints it.
func said(path string) string { return strings.ReplaceAll(path, "/", ".") + " is " + setting(path) }
