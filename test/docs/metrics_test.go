// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The page of metrics has those that the programs have, and no others.
func TestThePageOfMetricsHasThoseOfTheCode(t *testing.T) {
	t.Parallel()
	list, err := exec.CommandContext(t.Context(), "git", "-C", root(t), "ls-files", "internal/*.go", "cmd/*.go").Output()
	if err != nil {
		t.Fatal(err)
	}
	var code []string
	for file := range strings.FieldsSeq(string(list)) {
		if !strings.HasSuffix(file, "_test.go") {
			code = append(code, names(t, file, `"(pillion_[a-z_]+)"`)...)
		}
	}
	page := names(t, "docs/reference/metrics.md", "(?m)^\\| .*$")
	var listed []string
	for _, row := range page {
		for _, m := range regexp.MustCompile("`(pillion_[a-z_]+)`").FindAllStringSubmatch(row, -1) {
			listed = append(listed, m[1])
		}
	}
	if d := cmp.Diff(sorted(code), sorted(listed)); d != "" {
		t.Errorf("metrics (-code +page):\n%s", d)
	}
}

func TestThePageOfMetricsHasAllReasonsOfPolls(t *testing.T) {
	t.Parallel()
	want := names(t, "internal/gitfetch/error.go", ` Reason = "(\w+)"`)
	got := names(t, "docs/reference/metrics.md", "(?m)^\\| `([A-Z]\\w+)` \\|")
	if d := cmp.Diff(sorted(want), sorted(got)); d != "" {
		t.Errorf("reasons (-code +page):\n%s", d)
	}
}

// names are the first groups, or else the whole matches, of a pattern in a file.
func names(t *testing.T, file, pattern string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), file))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		all = append(all, m[len(m)-1])
	}
	return all
}

func sorted(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}
