// SPDX-License-Identifier: Apache-2.0

package linediff

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnified(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ from, to, want string }{
		"the same":              {"a\nb\n", "a\nb\n", ""},
		"both empty":            {"", "", ""},
		"a line in the middle":  {"a\nb\nc\n", "a\nx\nb\nc\n", "--- f\n+++ t\n@@ -1,2 +1,3 @@\n a\n+x\n b\n"},
		"a line replaced":       {"a\nb\nc\n", "a\nx\nc\n", "--- f\n+++ t\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n"},
		"all new":               {"", "a\n", "--- f\n+++ t\n@@ -0,0 +1,1 @@\n+a\n"},
		"two places far apart":  {"1\n2\n3\n4\n5\n", "x\n2\n3\n4\ny\n", "--- f\n+++ t\n@@ -1,2 +1,2 @@\n-1\n+x\n 2\n@@ -4,2 +4,2 @@\n 4\n-5\n+y\n"},
		"two places that touch": {"1\n2\n3\n", "x\n2\ny\n", "--- f\n+++ t\n@@ -1,3 +1,3 @@\n-1\n+x\n 2\n-3\n+y\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, Unified("f", "t", c.from, c.to, 1)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The oracle is patch(1), where there is one; and the lines themselves, which hold both texts.
func TestLinesHoldBothTexts(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		var b strings.Builder
		for range random.IntN(12) {
			fmt.Fprintf(&b, "%d\n", random.IntN(4))
		}
		return b.String()
	}
	patch, _ := exec.LookPath("patch")
	for i := range 2000 {
		a, b := text(), text()
		var from, to strings.Builder
		edits := 0
		for _, l := range Lines(a, b) {
			if l.Op != Add {
				from.WriteString(l.Text + "\n")
			}
			if l.Op != Del {
				to.WriteString(l.Text + "\n")
			}
			if l.Op != Same {
				edits++
			}
		}
		if from.String() != a || to.String() != b || edits != distance(split(a), split(b)) {
			t.Fatalf("%q and %q: %d edits, want %d; the lines say %q and %q", a, b, edits, distance(split(a), split(b)), from.String(), to.String())
		}
		if patch != "" && i < 50 && a != b && a != "" {
			file := filepath.Join(t.TempDir(), "text")
			if err := os.WriteFile(file, []byte(a), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), patch, "-s", "-o", "-", file)
			cmd.Stdin = strings.NewReader(Unified("f", "t", a, b, 2))
			if out, err := cmd.Output(); err != nil || string(out) != b {
				t.Fatalf("patch makes %q of %q, want %q (%v)\n%s", out, a, b, err, Unified("f", "t", a, b, 2))
			}
		}
	}
}

// distance is the number of lines to take out and to put in, by the table that everybody knows.
func distance(a, b []string) int {
	table := make([][]int, len(a)+1)
	for i := range table {
		table[i] = make([]int, len(b)+1)
		for j := range table[i] {
			switch {
			case i == 0 || j == 0:
				table[i][j] = i + j
			case a[i-1] == b[j-1]:
				table[i][j] = table[i-1][j-1]
			default:
				table[i][j] = 1 + min(table[i-1][j], table[i][j-1])
			}
		}
	}
	return table[len(a)][len(b)]
}

func TestTextsThatDifferTooMuch(t *testing.T) {
	t.Parallel()
	a, b := strings.Repeat("a\n", 3000), strings.Repeat("b\n", 3000)
	lines := Lines("x\n"+a, "x\n"+b)
	if len(lines) != 6001 || lines[1].Op != Del || lines[6000].Op != Add {
		t.Errorf("%d lines", len(lines))
	}
}
