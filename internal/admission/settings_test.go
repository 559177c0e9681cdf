// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"slices"
	"strings"
	"testing"
)

// ourProgram is what a wrapped command begins with.
const ourProgram = "/.pillion/bin/pillion-helper"

// isSetting reports whether an operation is one of those that are no list of things with
// names: a word in front of a command, a limit of huge pages, a setting of the pod that
// is not there yet.
func isSetting(t testing.TB, spec map[string]any, op string, tokens []string) bool {
	t.Helper()
	if tokens[0] != "spec" {
		return false
	}
	there := at(spec, tokens[1:])
	switch path := strings.Join(tokens, "/"); {
	case len(tokens) == 5 && tokens[1] == "containers" && tokens[3] == "command":
		return op == "add"
	case len(tokens) == 4 && tokens[1] == "containers" && tokens[3] == "command":
		own, _ := there.([]any)
		return op == "replace" && len(unwrapped(own)) < len(own)
	case len(tokens) == 5 && tokens[3] == "resources" && tokens[4] == "limits":
		return op == "add" && there == nil
	case len(tokens) == 6 && tokens[3] == "resources" && tokens[4] == "limits":
		return op == "add" && there == nil && strings.HasPrefix(tokens[5], "hugepages-")
	case path == "spec/securityContext/sysctls/-":
		return op == "add"
	case slices.Contains([]string{"spec/shareProcessNamespace", "spec/securityContext", "spec/securityContext/fsGroup", "spec/securityContext/sysctls"}, path):
		return op == "add" && there == nil
	}
	return false
}

// unwrapped is a command without the wrapper in front of it.
func unwrapped(command []any) []any {
	if len(command) < 2 || command[0] != ourProgram || command[1] != "run" {
		return command
	}
	end := slices.Index(command, any("--"))
	for _, word := range command[2:max(end, 2)] {
		if text, _ := word.(string); !strings.HasPrefix(text, "--") {
			return command
		}
	}
	if end < 0 || end+1 == len(command) {
		return command
	}
	return command[end+1:]
}

// stripContainer takes away what Pillion may have added to a container but for mounts:
// the wrapper, and limits of huge pages that original, the container as it was, has not.
func stripContainer(c map[string]any, original any) {
	if command, _ := c["command"].([]any); command != nil {
		c["command"] = unwrapped(command)
	}
	resources, _ := c["resources"].(map[string]any)
	limits, _ := resources["limits"].(map[string]any)
	before, _ := original.(map[string]any)
	if before == nil {
		return
	}
	had, _ := at(before, []string{"resources", "limits"}).(map[string]any)
	for name := range limits {
		if _, kept := had[name]; !kept && strings.HasPrefix(name, "hugepages-") {
			delete(limits, name)
		}
	}
	if had == nil && len(limits) == 0 {
		delete(resources, "limits")
	}
}

// stripSettings takes away the settings of the pod that original has not.
func stripSettings(spec map[string]any, original any) {
	before, _ := original.(map[string]any)
	if before == nil {
		if spec["shareProcessNamespace"] == nil {
			delete(spec, "shareProcessNamespace")
		}
		security, _ := spec["securityContext"].(map[string]any)
		if len(security) == 0 {
			delete(spec, "securityContext")
		}
		return
	}
	if before["shareProcessNamespace"] == nil {
		delete(spec, "shareProcessNamespace")
	}
	security, _ := spec["securityContext"].(map[string]any)
	had, _ := before["securityContext"].(map[string]any)
	if had["fsGroup"] == nil {
		delete(security, "fsGroup")
		if _, null := had["fsGroup"]; null {
			security["fsGroup"] = nil
		}
	}
	sysctls, _ := security["sysctls"].([]any)
	old, _ := had["sysctls"].([]any)
	if security != nil {
		switch _, there := had["sysctls"]; {
		case old != nil:
			security["sysctls"] = sysctls[:min(len(old), len(sysctls))]
		case there:
			security["sysctls"] = nil
		default:
			delete(security, "sysctls")
		}
	}
	if len(security) == 0 {
		delete(spec, "securityContext")
	}
}
