// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDocumentsKnowTheirLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []int
	}{
		"one":                                  {"kind: Pod\n", []int{1}},
		"without a line end":                   {"kind: Pod", []int{1}},
		"behind a separator":                   {"---\nkind: Pod\n", []int{1}},
		"two":                                  {"kind: Pod\nmetadata: {}\n---\nkind: Pod\n", []int{1, 4}},
		"with a separator at the end":          {"kind: Pod\n---\nkind: Pod\n---\n", []int{1, 3}},
		"behind documents of comments alone":   {"# a\n---\n# b\n\n---\n\n---\nkind: Pod\n", []int{8}},
		"with Windows' line ends":              {"kind: Pod\r\n---\r\nkind: Pod\r\n", []int{1, 3}},
		"with blank lines behind":              {"kind: Pod\n\n\n---\nkind: Pod\n\n\n", []int{1, 5}},
		"with a separator that has a comment":  {"kind: Pod\n--- # next\nkind: Pod", []int{1, 3}},
		"with a text that looks like a marker": {"a: |\n  ---\nb: c\n---\nkind: Pod\n", []int{1, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			documents, err := readDocuments("web.yaml", strings.NewReader(c.text))
			if err != nil {
				t.Fatal(err)
			}
			var got []int
			lines := strings.Split(c.text, "\n")
			for _, d := range documents {
				got = append(got, d.line)
				if first, _, _ := strings.Cut(string(d.text), "\n"); strings.TrimRight(first, "\r") != strings.TrimRight(lines[d.line-1], "\r") {
					t.Errorf("line %d is %q, and the document begins with %q", d.line, lines[d.line-1], first)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
