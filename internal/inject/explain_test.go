// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

func TestExplainTellsWhereEachValueComesFrom(t *testing.T) {
	t.Parallel()
	value := func(option, text string) *option.Value {
		v, err := builtin.Find("git-poller").Option(option).Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return &v
	}
	policy := &Policy{Name: "web", Known: builtin, Helpers: map[string]*rule.Helper{"git-poller": {Rules: map[string]*rule.Rule{
		"period": {Default: value("period", "2m")}, "depth": {Fixed: value("depth", "3")}, "wait-timeout": {Max: value("wait-timeout", "1m")},
		"ref": {Allow: []option.Pattern{option.Glob("main")}},
	}}}}
	pod := &pod.Pod{Metadata: pod.Metadata{Annotations: map[string]string{
		"docs.git-poller.pillion.dev/repo": "HTTPS://github.com/a/b/", "docs.git-poller.pillion.dev/mode": "never",
		"date-writer.pillion.dev/mount-path": "/html",
	}}}
	asked := Explain(pod, policy, field.NewPath("spec", "template"))
	if len(asked) != 2 || asked[0].Helper.Name != "date-writer" || asked[0].Allowed || asked[1].Instance != "docs" || !asked[1].Allowed {
		t.Fatalf("got %+v", asked)
	}
	type answer struct {
		value string
		from  rule.Source
	}
	want := map[string]answer{
		"repo": {"https://github.com/a/b", rule.FromAnnotation}, "mode": {"", rule.FromAnnotation}, "period": {"2m", rule.FromPolicy},
		"depth": {"3", rule.FromFixed}, "wait-timeout": {"1m", rule.FromDefault}, "position": {"last", rule.FromDefault}, "subdir": {"", rule.FromNowhere},
		"ref": {"", rule.FromNowhere}, // the policy denies the default, so there is no value
	}
	for i := range asked[1].Options {
		o := &asked[1].Options[i]
		if w, has := want[o.Option.Name]; has && (w != answer{o.Value, o.Source}) {
			t.Errorf("%s is %q from %q, want %+v", o.Option.Name, o.Value, o.Source, w)
		}
		if o.Rule != policy.Helpers["git-poller"].Rules[o.Option.Name] {
			t.Errorf("%s has the rule %+v", o.Option.Name, o.Rule)
		}
	}
	if got, want := asked[1].Options[0].Path, "spec.template.metadata.annotations[docs.git-poller.pillion.dev/repo]"; got != want {
		t.Errorf("the path is %s, want %s", got, want)
	}
}
