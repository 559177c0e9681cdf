// SPDX-License-Identifier: Apache-2.0

package linediff

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCarry(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, from, to string
		want           string
		ok             bool
	}{
		"the same form":                          {"a\nb\n", "a\nb\n", "a\nx\nb\n", "a\nx\nb\n", true},
		"a line of another form stays":           {"a\n\"b\"\nc\n", "a\nb\nc\n", "a\nb\nc\nx\n", "a\n\"b\"\nc\nx\n", true},
		"lines that the other does not have":     {"a\n\n# b\nc\n", "a\nc\n", "a\nc\nx\n", "a\n\n# b\nc\nx\n", true},
		"an addition stands behind what it knew": {"a\n\nc\n", "a\nc\n", "a\nx\nc\n", "a\nx\n\nc\n", true},
		"a shared line goes":                     {"a\n\nb\nc\n", "a\nb\nc\n", "a\nx\nc\n", "a\n\nx\nc\n", true},
		"a line of another form cannot go":       {"a\n\"b\"\n", "a\nb\n", "a\nx\n", "", false},
		"spaces do not count":                    {"a:   1 # x\nb:\n    c: 2\n", "a: 1 # x\nb:\n  c: 2\n", "a: 1 # x\nb:\n  c: 2\n  d: 3\ne: 4\n", "a:   1 # x\nb:\n    c: 2\n    d: 3\ne: 4\n", true},
		"nothing is known of an empty text":      {"", "", "x\n", "x\n", true},
		"a text without a line end gets one":     {"a", "a\n", "a\nx\n", "a\nx\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := Carry(c.text, c.from, c.to)
			if diff := cmp.Diff(c.want, got); diff != "" || ok != c.ok {
				t.Errorf("ok is %v (-want +got):\n%s", ok, diff)
			}
		})
	}
}
