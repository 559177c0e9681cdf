// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// ruleTest is one row about a rule of the policy "web" for an option of git-poller.
type ruleTest struct {
	name   string
	option string
	rule   RuleSpec
	given  string // by the pod; "" is not at all
	want   string // the value that the helper gets, or
	why    string // why it is refused
}

func TestAPolicyRulesOverValues(t *testing.T) {
	t.Parallel()
	allow := func(patterns ...Text) RuleSpec { return RuleSpec{Allow: patterns} }
	many := allow("a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b*")
	for _, tt := range []ruleTest{
		{"no rule and no value: the option's default", "ref", RuleSpec{}, "", "HEAD", ""},
		{"no rule: the pod's value", "ref", RuleSpec{}, "main", "main", ""},

		{"the policy's default replaces the option's", "ref", RuleSpec{Default: text("main")}, "", "main", ""},
		{"the policy's default is only a default", "ref", RuleSpec{Default: text("main")}, "dev", "dev", ""},
		{"a default for what has none", "subdir", RuleSpec{Default: text("public")}, "", "public", ""},
		{"a default in other words", "period", RuleSpec{Default: text("120s")}, "", "2m", ""},

		{"a fixed value is set", "depth", RuleSpec{Fixed: text("1")}, "", "1", ""},
		{"a fixed value may be repeated", "depth", RuleSpec{Fixed: text("1")}, "1", "1", ""},
		{"a fixed value may be repeated in other words", "period", RuleSpec{Fixed: text("2m")}, "120s", "2m", ""},
		{"a fixed value is not changed", "depth", RuleSpec{Fixed: text("1")}, "2", "", `it is always "1"`},
		{"a fixed boolean", "writable", RuleSpec{Fixed: text("false")}, "true", "", `it is always "false"`},
		{"a fixed list", "containers", RuleSpec{Fixed: text("web")}, "api", "", `it is always "web"`},

		{"the least is allowed", "period", RuleSpec{Min: text("30s")}, "30s", "30s", ""},
		{"less than the least is not", "period", RuleSpec{Min: text("30s")}, "29.999s", "", "the least is 30s"},
		{"the most is allowed", "period", RuleSpec{Max: text("1h")}, "60m", "1h", ""},
		{"more than the most is not", "period", RuleSpec{Max: text("1h")}, "1h1s", "", "the most is 1h"},
		{"a number above the most", "depth", RuleSpec{Max: text("5")}, "6", "", "the most is 5"},
		{"a default below the least is moved up to it", "period", RuleSpec{Min: text("5m")}, "", "5m", ""},
		{"a default above the most is moved down to it", "period", RuleSpec{Max: text("30s")}, "", "30s", ""},
		{"a default between both stays", "period", RuleSpec{Min: text("30s"), Max: text("90s")}, "", "1m", ""},
		{"bounds that meet leave one value", "period", RuleSpec{Min: text("5m"), Max: text("5m")}, "", "5m", ""},

		{"a literal is allowed", "ref", allow("main"), "main", "main", ""},
		{"another is not", "ref", allow("main"), "dev", "", `allowed is "main"`},
		{"one of two is allowed", "ref", allow("main", "release-*"), "release-2", "release-2", ""},
		{"none of two", "ref", allow("main", "release-*"), "dev", "", `allowed is "main" or "release-*"`},
		{"none of three", "ref", allow("main", "dev", "release-*"), "x", "", `allowed is "main", "dev" or "release-*"`},
		{"none of ten, of which eight are named", "ref", many, "x", "", "allowed is a1, a2, a3, a4, a5, a6, a7, a8 and 2 more"},
		{
			"none of eight, which are all named", "ref", allow("a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"), "x", "",
			`allowed is "a1", "a2", "a3", "a4", "a5", "a6", "a7" or "a8"`,
		},
		{"the last of ten is allowed", "ref", many, "b2", "b2", ""},
		{"a default that the list does not have", "ref", allow("main"), "", "", `policy "web" does not allow the default: allowed is "main"; set the annotation`},
		{"a default that the list has", "ref", allow("HEAD", "main"), "", "HEAD", ""},
		{"a list with a default of its own", "ref", RuleSpec{Allow: []Text{"main"}, Default: text("main")}, "", "main", ""},
		{"a glob covers the whole value", "secret", allow("git-*"), "my-git-x", "", `allowed is "git-*"`},
		{"a repository is compared by its parts", "repo", allow("https://github.com/acme/*"), "https://github.com/evil/site", "", `allowed is "https://github.com/acme/*"`},

		{
			"an address is not meant by a star", "repo", allow("https://*/*"), "https://127.0.0.1/a", "",
			`allowed is "https://*/*"; an IP address has to be named literally`,
		},
		{"every element of a list is allowed", "containers", allow("web", "api-*"), "web,api-1", "web,api-1", ""},
		{"one element of a list is not", "containers", allow("web", "api-*"), "web,worker", "", `allowed is "web" or "api-*"`},
		{"a list is not compared as a whole", "containers", allow("web*"), "web,worker", "", `allowed is "web*"`},
		{"bounds and a list hold together", "period", RuleSpec{Min: text("30s"), Allow: []Text{"10s", "1m"}}, "10s", "", "the least is 30s"},
	} {
		t.Run(tt.name, func(t *testing.T) { t.Parallel(); testRule(t, tt) })
	}
}

func testRule(t *testing.T, tt ruleTest) {
	t.Helper()
	key := "git-poller.pillion.dev/" + tt.option
	pod := MakePod("web", "worker", "api-1").Git()
	if tt.given != "" {
		pod.Annotate(key, tt.given)
	}
	policy := withRule(t, testPolicy(), "git-poller", tt.option, tt.rule)
	asked := parse(pod.Obj().Metadata.Annotations, nil)
	problems := slices.Concat(asked.problems, review(policy, pod.Obj(), asked.requests, nil))
	if tt.why == "" {
		if len(problems) > 0 || asked.requests[0].Value(tt.option).Text != tt.want {
			t.Errorf("got %q, %v; want %q", asked.requests[0].Value(tt.option).Text, problems, tt.want)
		}
		return
	}
	value, why := tt.given, `policy "web" does not allow this value: `+tt.why
	if v, err := FindHelper("git-poller").Option(tt.option).Parse(tt.given); err == nil {
		value = v.Text
	}
	if tt.given == "" {
		value, why = FindHelper("git-poller").Option(tt.option).Default, tt.why
	}
	if len(problems) != 1 || problems[0].Reason != ValueNotAllowed {
		t.Fatalf("the problems are %v", problems)
	}
	if got, want := problems[0].Error.Error(), wrong(key, value, why); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestARuleThatCannotBeMetIsRefusedWithItsPath(t *testing.T) {
	t.Parallel()
	const self = "is refused by the rule itself: "
	for _, tt := range []struct {
		name, option string
		rule         RuleSpec
		want         []string
	}{
		{"the least above the most", "period", RuleSpec{Min: text("2m"), Max: text("60s")}, []string{`rule.min: Invalid value: "2m": is above max, 1m`}},
		{"a default below the least", "period", RuleSpec{Min: text("2m"), Default: text("90s")}, []string{`rule.default: Invalid value: "1m30s": ` + self + "the least is 2m"}},
		{"a fixed value above the most", "depth", RuleSpec{Max: text("5"), Fixed: text("6")}, []string{`rule.fixed: Invalid value: "6": ` + self + "the most is 5"}},
		{"a default that the list does not have", "ref", RuleSpec{Allow: []Text{"release-*"}, Default: text("main")}, []string{`rule.default: Invalid value: "main": ` + self + `allowed is "release-*"`}},
		{"a fixed list with an element that the list does not have", "containers", RuleSpec{Allow: []Text{"web"}, Fixed: text("web,api")}, []string{`rule.fixed: Invalid value: "web,api": ` + self + `allowed is "web"`}},
		{"a default repository that the list does not have", "repo", RuleSpec{Allow: []Text{"https://github.com/*"}, Default: text("https://github.com:8443/a")}, []string{`rule.default: Invalid value: "https://github.com:8443/a": ` + self + `allowed is "https://github.com/*"`}},
		{"a fixed value and a default", "period", RuleSpec{Fixed: text("1m"), Default: text("1m")}, []string{"rule.default: Forbidden: a fixed value leaves no room for a default; remove one of the two"}},
		{"bounds of a boolean", "wait", RuleSpec{Min: text("true")}, []string{"rule: Forbidden: min and max are for numbers, durations and sizes, and wait is none of these"}},
		{"a bound that is no value", "period", RuleSpec{Min: text("30")}, []string{`rule.min: Invalid value: "30": has no unit; write "30s" for seconds`}},
		{"a bound beyond the option's own", "depth", RuleSpec{Max: text("2000")}, []string{`rule.max: Invalid value: "2000": must be between 1 and 1000`}},
		{"several mistakes at once", "mode", RuleSpec{Default: text("pol"), Fixed: text("never"), Allow: []Text{"once", "twice"}}, []string{
			`rule.default: Invalid value: "pol": must be "poll" or "once"; did you mean "poll"?`,
			`rule.fixed: Invalid value: "never": must be "poll" or "once"`,
			`rule.allow[1]: Invalid value: "twice": must be "poll" or "once"`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, errs := tt.rule.Compile(FindHelper("git-poller").Option(tt.option), field.NewPath("rule"))
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
		{"null", `null`, "", "a value must be a text, a number or a boolean, not null"},
		{"a list", `["a"]`, "", `a value must be a text, a number or a boolean, not ["a"]`},
		{"an object", `{"a":1}`, "", `a value must be a text, a number or a boolean, not {"a":1}`},
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

func TestAHelperThatThePolicyDoesNotListIsRefused(t *testing.T) {
	t.Parallel()
	const at = "metadata.annotations[" + keyMountPath + "]: Forbidden: "
	for _, tt := range []struct {
		name    string
		allowed []string
		want    string
	}{
		{"another one is allowed", []string{"date-writer"}, `policy "web" does not allow git-poller; it allows date-writer`},
		{"none is allowed", nil, `policy "web" does not allow git-poller; it allows no helper at all`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			all := testPolicy()
			policy := &Policy{Name: "web", Helpers: map[string]*HelperPolicy{}}
			for _, name := range tt.allowed {
				policy.Helpers[name] = all.Helpers[name]
			}
			// The policy decides before the helper does: nothing else is said about it.
			pod := MakePod("web").Annotate(keyMountPath, "/srv", keyTargets, "nobody").Obj()
			d := Injector{}.Decide(pod, policy, nil)
			if d.Message() != at+tt.want || d.Reason != HelperNotAllowed || d.Result != Denied {
				t.Errorf("got  %s (%s)\nwant %s", d.Message(), d.Reason, at+tt.want)
			}
		})
	}
}

func TestAHelperInTheNodesNetworkNeedsAPolicyThatSaysSo(t *testing.T) {
	t.Parallel()
	host := func(p *Pod) { p.Spec.HostNetwork = true }
	const want = `spec.hostNetwork: Forbidden: policy "web" does not allow helpers in pods that use the node's network (git-poller); remove hostNetwork or the annotations`
	d := decide(MakePod("web").Git().Change(host).Obj())
	if d.Message() != want || d.Reason != HostNetwork {
		t.Errorf("got  %s (%s)\nwant %s", d.Message(), d.Reason, want)
	}
	policy := testPolicy()
	policy.HostNetwork = true
	if d := (Injector{}).Decide(MakePod("web").Git().Change(host).Obj(), policy, nil); d.Result != Injected {
		t.Errorf("a policy that allows it: %s", d.Message())
	}
	if d := decide(MakePod("web").Annotate(InjectAnnotation, "false").Change(host).Obj()); d.Result != Skipped {
		t.Errorf("a pod that asks for no helper: %s", d.Message())
	}
}

func TestAMissingOptionIsNamedWithAnExample(t *testing.T) {
	t.Parallel()
	d := decide(MakePod("web").Annotate(keyRef, "main", "docs.date-writer.pillion.dev/file", "a").Obj())
	want := []string{
		`metadata.annotations[docs.date-writer.pillion.dev/mount-path]: Required value: date-writer needs it, such as "/usr/share/nginx/html"`,
		`metadata.annotations[git-poller.pillion.dev/repo]: Required value: git-poller needs it, such as "https://github.com/acme/site.git"`,
		`metadata.annotations[git-poller.pillion.dev/mount-path]: Required value: git-poller needs it, such as "/usr/share/nginx/html"`,
	}
	if diff := cmp.Diff(want, sentences(d)); diff != "" || d.Reason != MissingOption {
		t.Errorf("problems, %s (-want +got):\n%s", d.Reason, diff)
	}
}
