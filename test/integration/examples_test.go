// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What somebody copies works: it is applied without a warning, and its pods get their helpers.
func TestTheExamplesAreAppliedWithoutAWarning(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(plane.Root(), "examples")
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, pattern := range []string{"*.yaml", "apps/*.yaml"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 12 {
		t.Errorf("there are %d examples", len(files))
	}
	for _, file := range files {
		name, _ := filepath.Rel(dir, file)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(string(readme), "]("+filepath.ToSlash(name)+")") {
				t.Error("README.md does not have it")
			}
			ns := newNamespace(t, nil)
			var said []struct {
				Asks              bool
				Version, Denial   string
				Helpers, Warnings []string
			}
			c := callPlugin(t, "explain", "-f", file, "--dry-run", "-o", "json", "-n", ns)
			if err := json.Unmarshal([]byte(c.out), &said); err != nil || c.code != 0 || len(said) != 1 {
				t.Fatalf("%v: %+v", err, c)
			}
			if d := said[0]; !d.Asks || d.Version == "" || len(d.Helpers) == 0 || d.Warnings != nil {
				t.Errorf("its pods: %+v", d)
			}
			_, stderr, err := plane.Kubectl(t.Context(), "", "create", "-n", ns, "-f", file)
			for line := range strings.Lines(stderr) { // good news is allowed: "each pod gets …", and where the line goes on
				if !strings.HasPrefix(line, "Warning: pillion: policy default: each pod gets ") && !strings.HasPrefix(line, "Warning: pillion:   ") {
					t.Error(line)
				}
			}
			if err != nil {
				t.Errorf("%v: %s", err, stderr)
			}
		})
	}
}
