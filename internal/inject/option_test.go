// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation"
)

// aSentence begins with a letter and ends with a full stop, on one line.
var aSentence = regexp.MustCompile(`^[A-Za-z][^\n]*[A-Za-z0-9)]\.$`)

func TestEveryOptionIsDeclaredWell(t *testing.T) {
	t.Parallel()
	for _, h := range Helpers() {
		for i := range h.Options {
			o := &h.Options[i]
			t.Run(h.Name+" "+o.Name, func(t *testing.T) {
				t.Parallel()
				if len(validation.IsDNS1123Label(o.Name)) > 0 {
					t.Errorf("the name %q is not one in lower case", o.Name)
				}
				if !aSentence.MatchString(o.Doc) {
					t.Errorf("the doc is not a sentence: %q", o.Doc)
				}
				if o.Example == "" {
					t.Error("it has no example")
				}
				for what, text := range map[string]string{"default": o.Default, "min": o.Min, "max": o.Max, "example": o.Example} {
					if text == "" {
						continue
					}
					if v, err := o.Parse(text); err != nil || v.Text != text {
						t.Errorf("the %s %q is not the canonical form of a value: %q, %v", what, text, v.Text, err)
					}
				}
				if (o.Kind == KindEnum) != (len(o.Enum) > 1) {
					t.Errorf("a %s with the choices %q", o.Kind, o.Enum)
				}
				if bounded := o.Min != "" && o.Max != ""; bounded != o.Kind.Ordered() || bounded != (o.Min != "" || o.Max != "") {
					t.Errorf("a %s with the bounds %q and %q", o.Kind, o.Min, o.Max)
				}
				if o.Required && o.Default != "" {
					t.Error("it is required and has a default")
				}
				if o.bound(o.Min) > o.bound(o.Max) {
					t.Errorf("min %s is above max %s", o.Min, o.Max)
				}
				if h.Option(o.Name) != o {
					t.Error("it is not found by its name: two options share it")
				}
			})
		}
	}
}

func TestEveryHelperIsDeclaredWell(t *testing.T) {
	t.Parallel()
	var names []string
	for _, h := range Helpers() {
		names = append(names, h.Name)
		if len(validation.IsDNS1123Label(h.Name)) > 0 || !aSentence.MatchString(h.Doc) || h.build == nil {
			t.Errorf("%s is not declared well: %q", h.Name, h.Doc)
		}
		if FindHelper(h.Name) != h {
			t.Errorf("%s is not found by its name: two helpers share it", h.Name)
		}
		longest := ReservedPrefix + "auth-" + h.Name + "-"
		if len(longest)+maxInstance > validation.DNS1123LabelMaxLength {
			t.Errorf("the longest name of %s has %d bytes", h.Name, len(longest)+maxInstance)
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("the helpers are not in alphabetical order: %v", names)
	}
}

func TestTheDocumentedDefaultsAreTheDefaults(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, h := range Helpers() {
		for i := range h.Options {
			if h.Options[i].Default != "" {
				got[h.Key("", h.Options[i].Name)] = h.Options[i].Default
			}
		}
	}
	want := map[string]string{ // the blueprint, §3
		"git-poller.pillion.dev/ref":          "HEAD",
		"git-poller.pillion.dev/mode":         "poll",
		"git-poller.pillion.dev/period":       "1m",
		"git-poller.pillion.dev/depth":        "1",
		"git-poller.pillion.dev/wait":         "true",
		"git-poller.pillion.dev/wait-timeout": "10m",
		"git-poller.pillion.dev/position":     "last",
		"git-poller.pillion.dev/writable":     "false",
		// The issue that added metrics: off, and then on localhost.
		"git-poller.pillion.dev/metrics-address": "localhost",
		"date-writer.pillion.dev/file":           "index.html",
		"date-writer.pillion.dev/interval":       "1s",
		"date-writer.pillion.dev/mode":           "append",
		"date-writer.pillion.dev/format":         "unix-date",
		"date-writer.pillion.dev/timezone":       "UTC",
		"date-writer.pillion.dev/max-size":       "1Mi",
		"date-writer.pillion.dev/wait":           "true",
		"start.pillion.dev/timeout":              "5m",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestAnOptionIsNotFoundByAnotherName(t *testing.T) {
	t.Parallel()
	if FindHelper("git-poller").Option("repository") != nil || FindHelper("git") != nil {
		t.Error("something is found that is not there")
	}
}

func TestAKindWithoutAParserIsAnErrorAndNotAValue(t *testing.T) {
	t.Parallel()
	const want = `has the kind "moon phase", which has no parser`
	if _, err := (&Option{Kind: "moon phase"}).Parse("full"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAListReadsAsPeopleWriteIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		words   []string
		and, or string
	}{
		{nil, "", ""},
		{[]string{"a"}, "a", `"a"`},
		{[]string{"a", "b"}, "a and b", `"a" or "b"`},
		{[]string{"a", "b", "c"}, "a, b and c", `"a", "b" or "c"`},
	} {
		if and, or := joinAnd(tt.words), joinOr(tt.words); and != tt.and || or != tt.or {
			t.Errorf("%v reads %s and %s", tt.words, and, or)
		}
	}
}

func TestOneBoundIsABound(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Option{
		"the least alone": {Kind: KindInt, Min: "5"},
		"the most alone":  {Kind: KindInt, Max: "5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			beyond := map[bool]string{true: "4", false: "6"}[o.Min != ""]
			if _, err := o.Parse("5"); err != nil {
				t.Errorf("the bound itself: %v", err)
			}
			if _, err := o.Parse(beyond); err == nil {
				t.Errorf("%s passes", beyond)
			}
		})
	}
}
