// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/option"
)

// options are some of each kind that rules treat in their own way.
var options = map[string]*option.Option{
	"repo":       {Name: "repo", Kind: option.Repository},
	"ref":        {Name: "ref", Kind: option.GitRef},
	"containers": {Name: "containers", Kind: option.Containers},
	"mode":       {Name: "mode", Kind: option.Choice("poll", "once")},
	"period":     {Name: "period", Kind: option.Duration, Min: "1s", Max: "24h"},
	"depth":      {Name: "depth", Kind: option.Integer, Min: "1", Max: "1000"},
	"wait":       {Name: "wait", Kind: option.Boolean},
}

// text is a scalar for the fields of a Spec.
func text(s string) *Text { return new(Text(s)) }

func TestARuleThatCannotBeMetIsDeniedWithItsPath(t *testing.T) {
	t.Parallel()
	const self = "breaks the rule itself: "
	for _, tt := range []struct {
		name, option string
		rule         Spec
		want         []string
	}{
		{"the minimum above the maximum", "period", Spec{Min: text("2m"), Max: text("60s")}, []string{`rule.min: Invalid value: "2m": is above max, 1m`}},
		{"a default below the minimum", "period", Spec{Min: text("2m"), Default: text("90s")}, []string{`rule.default: Invalid value: "1m30s": ` + self + "the minimum is 2m"}},
		{"a fixed value above the maximum", "depth", Spec{Max: text("5"), Fixed: text("6")}, []string{`rule.fixed: Invalid value: "6": ` + self + "the maximum is 5"}},
		{"a default that the list does not have", "ref", Spec{Allow: []Text{"release-*"}, Default: text("main")}, []string{`rule.default: Invalid value: "main": ` + self + `allowed values: "release-*"`}},
		{"a fixed list with an element that the list does not have", "containers", Spec{Allow: []Text{"web"}, Fixed: text("web,api")}, []string{`rule.fixed: Invalid value: "web,api": ` + self + `allowed values: "web"`}},
		{"a default repository that the list does not have", "repo", Spec{Allow: []Text{"https://github.com/*"}, Default: text("https://github.com:8443/a")}, []string{`rule.default: Invalid value: "https://github.com:8443/a": ` + self + `allowed values: "https://github.com/*"`}},
		{"a fixed value and a default", "period", Spec{Fixed: text("1m"), Default: text("1m")}, []string{"rule.default: Forbidden: a fixed value leaves no room for a default; remove one of the two"}},
		{"bounds of a boolean", "wait", Spec{Min: text("true")}, []string{"rule: Forbidden: min and max are for numbers, durations and sizes, and wait is none of these"}},
		{"a bound that is no value", "period", Spec{Min: text("30")}, []string{`rule.min: Invalid value: "30": has no unit; write "30s" for seconds`}},
		{"a bound beyond the option's own", "depth", Spec{Max: text("2000")}, []string{`rule.max: Invalid value: "2000": must be between 1 and 1000`}},
		{"several mistakes at once", "mode", Spec{Default: text("pol"), Fixed: text("never"), Allow: []Text{"once", "twice"}}, []string{
			`rule.default: Invalid value: "pol": must be "poll" or "once"; did you mean "poll"?`,
			`rule.fixed: Invalid value: "never": must be "poll" or "once"`,
			`rule.allow[1]: Invalid value: "twice": must be "poll" or "once"`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, errs := tt.rule.Compile(options[tt.option], field.NewPath("rule"))
			var got []string
			for _, err := range errs {
				got = append(got, err.Error())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestATextOfAPolicyIsAnyScalar(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, json, want, err string }{
		{"a string", `"30s"`, "30s", ""},
		{"a string with an escape", `"a\u0062"`, "ab", ""},
		{"a number", `5`, "5", ""},
		{"a negative number", `-5`, "-5", ""},
		{"true", `true`, "true", ""},
		{"false", `false`, "false", ""},
		{"null", `null`, "", "a value must be a string, a number or a boolean, not null"},
		{"a list", `["a"]`, "", `a value must be a string, a number or a boolean, not ["a"]`},
		{"an object", `{"a":1}`, "", `a value must be a string, a number or a boolean, not {"a":1}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got Text
			var problem string
			if err := got.UnmarshalJSON([]byte(tt.json)); err != nil {
				problem = err.Error()
			}
			if string(got) != tt.want || problem != tt.err {
				t.Errorf("got %q, %q; want %q, %q", got, problem, tt.want, tt.err)
			}
		})
	}
}
