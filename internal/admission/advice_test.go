// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/helper"
)

func TestSentencesBecomeLines(t *testing.T) {
	t.Parallel()
	ten := strings.Repeat("ten-bytes ", 11) + "end" // "pillion: " and 11 words fit into a line
	for _, c := range []struct {
		name      string
		sentences []string
		want      []string
	}{
		{"nothing", nil, nil},
		{"a short one", []string{"short"}, []string{"pillion: short"}},
		{"one that goes on", []string{ten}, []string{"pillion: " + strings.Repeat("ten-bytes ", 10) + "ten-bytes", "pillion:   end"}},
		{
			"one that is too long is broken off after three lines",
			[]string{strings.Repeat("ten-bytes ", 60)},
			[]string{
				"pillion: " + strings.Repeat("ten-bytes ", 10) + "ten-bytes",
				"pillion:   " + strings.Repeat("ten-bytes ", 10) + "ten-bytes",
				"pillion:   " + strings.Repeat("ten-bytes ", 9) + "ten-bytes …",
			},
		},
		{
			"a last word makes room for the dots",
			[]string{strings.Repeat(strings.Repeat("x", 54)+" ", 8)},
			[]string{
				"pillion: " + strings.Repeat("x", 54) + " " + strings.Repeat("x", 54),
				"pillion:   " + strings.Repeat("x", 54) + " " + strings.Repeat("x", 54),
				"pillion:   " + strings.Repeat("x", 54) + " …",
			},
		},
		{"a word that fits nowhere is cut", []string{strings.Repeat("ü", 200)}, []string{"pillion: " + strings.Repeat("ü", 108) + "…"}},
		{"five are said", []string{"1", "2", "3", "4", "5"}, []string{"pillion: 1", "pillion: 2", "pillion: 3", "pillion: 4", "pillion: 5"}},
		{
			"more are counted",
			[]string{"1", "2", "3", "4", "5", "6"},
			[]string{"pillion: 1", "pillion: 2", "pillion: 3", "pillion: 4", "pillion: and 2 more; kubectl pillion inject -f FILE --policy POLICY shows all"},
		},
		{
			"one for which there is a line and no second is broken off, rather than counted",
			[]string{"1", "2", "3", ten, "5"},
			[]string{
				"pillion: 1", "pillion: 2", "pillion: 3", "pillion: " + strings.Repeat("ten-bytes ", 10) + "ten-bytes …",
				"pillion: 5",
			},
		},
		{"what a terminal would obey is not passed on", []string{"a\x1b[2Jb\u202ec\xffd\u00a0e"}, []string{"pillion: a?[2Jb?c?d?e"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var a advice
			for _, s := range c.sentences {
				a.say("%s", s)
			}
			if diff := cmp.Diff(c.want, a.lines()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			fits(t, a.lines())
		})
	}
}

func TestAdditions(t *testing.T) {
	t.Parallel()
	added := func(name string, containers ...string) helper.Status {
		return helper.Status{Helper: "ipc", Container: name, Containers: containers}
	}
	for name, c := range map[string]struct {
		helpers []helper.Status
		want    string
	}{
		"one helper for two containers":    {[]helper.Status{added("pillion-a", "web", "api")}, "pillion-a (for web, api)"},
		"one for the pod as a whole":       {[]helper.Status{added("")}, "ipc"},
		"more than four helpers are a sum": {[]helper.Status{added("a"), added("b"), added("c"), added("d"), added("e"), added("f")}, "a, b, c, d, 2 more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, additions(c.helpers)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
