// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A flag that the binary does not know keeps every pod from starting.
func TestTheWebhookTakesTheFlagsThatItIsGiven(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "webhook")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary, "./cmd/webhook")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, values := range cases(t) {
		container := podOf(t, objects(t, values)).Spec.Containers[0]
		args := slices.Clone(container.Args)
		for _, e := range container.Env { // as the kubelet does
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "$("+e.Name+")", e.Value)
			}
		}
		if out, err := exec.CommandContext(t.Context(), binary, slices.Concat(args, []string{"--version"})...).CombinedOutput(); err != nil {
			t.Errorf("%s: %q: %v\n%s", name, args, err, out)
		}
		policies, _ := values["policies"].(map[string]any)
		want := len(policies) > 0 || values["helperImage"] != nil
		if got := slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--policy-dir=") }); got != want {
			t.Errorf("%s: the webhook is given a policy directory: %v, want %v", name, got, want)
		}
	}
}
