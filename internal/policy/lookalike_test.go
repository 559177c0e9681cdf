// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"testing"
)

// Files that an earlier version took for something else than they say.
func TestFilesThatLookRightAndAreNot(t *testing.T) {
	t.Parallel()
	f := file("helpers: {date-writer: {}}")
	rejected := map[string]string{
		"another case of a field":                   file("Helpers: {git-poller: {}}"),
		"two cases of a field":                      f + "  Helpers: {git-poller: {}}\n",
		"a second document behind a commented mark": f + "--- # second\n" + f,
		"a second document on the mark's line":      f + "--- {a: b}\n",
		"a second document behind an end mark":      f + "...\n" + f,
		"allow: []":                                 ruleFor("repo", "{allow: []}"),
		"allow with nothing behind it":              ruleFor("repo", "{allow: }"),
		"a volume size that nobody reads":           file("helpers: {date-writer: {volumeSizeLimit: 4Gi}}"),
		"an image in capitals":                      file("image: Nginx:1"),
		"an image with two dots":                    file("image: a..b/c"),
		"an image with a minus at the end":          file("image: nginx-:1"),
	}
	for name, data := range rejected {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if p, err := Parse([]byte(data)); err == nil {
				t.Errorf("it is taken, with %d helpers:\n%s", len(p.Helpers), data)
			}
		})
	}
	for name, data := range map[string]string{
		"a comment before the mark":                  "# Source: pillion/templates/policy.yaml\n---\n" + f,
		"a mark from another system":                 strings.ReplaceAll("---\n"+f, "\n", "\r\n"),
		"a mark at the end":                          f + "---\n",
		"a YAML directive":                           "%YAML 1.1\n---\n" + f,
		"an image of a namespace with an underscore": file("image: my_org/img:1"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Parse([]byte(data)); err != nil {
				t.Errorf("%v\n%s", err, data)
			}
		})
	}
	for name, tt := range map[string]struct{ data, not string }{
		"a field is not its own correction": {file("helper: {}"), `"helper"; did you mean "helper"?`},
		"the names of Go types":             {ruleFor("period", "30s"), "Go struct field"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Parse([]byte(tt.data)); err == nil || strings.Contains(err.Error(), tt.not) {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("no helpers and an empty map of them are the same", func(t *testing.T) {
		t.Parallel()
		if a, b := mustParse(t, file("helpers:")).Hash, mustParse(t, file("helpers: {}")).Hash; a != b {
			t.Errorf("%s and %s", a, b)
		}
	})
}

// What has the wrong form is named with its place, and with what would be right.
func TestAWrongFormIsExplained(t *testing.T) {
	t.Parallel()
	testParse(t, []parseTest{
		{"a string for a rule", ruleFor("period", "30s"), []string{`spec.helpers[git-poller].options[period]: expected a mapping, got a string, "30s"`}},
		{"a string for the allow list", ruleFor("repo", `{allow: "https://github.com/*"}`), []string{`line 9: spec.helpers[git-poller].options[repo].allow: expected a list, got a string, "https://github.com/*"`}},
		{"nothing for the allow list", ruleFor("repo", "{allow: }"), []string{"line 9: spec.helpers[git-poller].options[repo].allow: is empty; write a value, or remove it"}},
		{"a mapping for a value", ruleFor("period", "{min: {a: b}}"), []string{`spec.helpers[git-poller].options[period].min: expected a string, got a mapping`}},
		{"a number for an image", file("image: 5"), []string{`spec.image: expected a string, got a number, 5; put it into quotes`}},
	})
}
