// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// ruleTest is one row about a rule of the policy "web" for an option of git-poller.
type ruleTest struct {
	name   string
	option string
	rule   rule.Spec
	given  string // by the pod; "" is not at all
	want   string // the value that the helper gets, or
	why    string // why it is denied
}

func TestAPolicyRulesOverValues(t *testing.T) {
	t.Parallel()
	allow := func(patterns ...rule.Text) rule.Spec { return rule.Spec{Allow: patterns} }
	many := allow("a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b*")
	for _, tt := range []ruleTest{
		{"no rule and no value: the option's default", "ref", rule.Spec{}, "", "HEAD", ""},
		{"no rule: the pod's value", "ref", rule.Spec{}, "main", "main", ""},

		{"the policy's default replaces the option's", "ref", rule.Spec{Default: text("main")}, "", "main", ""},
		{"the policy's default is only a default", "ref", rule.Spec{Default: text("main")}, "dev", "dev", ""},
		{"a default for what has none", "subdir", rule.Spec{Default: text("public")}, "", "public", ""},
		{"a default in other words", "period", rule.Spec{Default: text("120s")}, "", "2m", ""},

		{"a fixed value is set", "depth", rule.Spec{Fixed: text("1")}, "", "1", ""},
		{"a fixed value may be repeated", "depth", rule.Spec{Fixed: text("1")}, "1", "1", ""},
		{"a fixed value may be repeated in other words", "period", rule.Spec{Fixed: text("2m")}, "120s", "2m", ""},
		{"a fixed value is not changed", "depth", rule.Spec{Fixed: text("1")}, "2", "", `it is always "1"`},
		{"a fixed boolean", "writable", rule.Spec{Fixed: text("false")}, "true", "", `it is always "false"`},
		{"a fixed list", "containers", rule.Spec{Fixed: text("web")}, "api", "", `it is always "web"`},

		{"the minimum is allowed", "period", rule.Spec{Min: text("30s")}, "30s", "30s", ""},
		{"less than the minimum is not", "period", rule.Spec{Min: text("30s")}, "29.999s", "", "the minimum is 30s"},
		{"the maximum is allowed", "period", rule.Spec{Max: text("1h")}, "60m", "1h", ""},
		{"more than the maximum is not", "period", rule.Spec{Max: text("1h")}, "1h1s", "", "the maximum is 1h"},
		{"a number above the maximum", "depth", rule.Spec{Max: text("5")}, "6", "", "the maximum is 5"},
		{"a default below the minimum is moved up to it", "period", rule.Spec{Min: text("5m")}, "", "5m", ""},
		{"a default above the maximum is moved down to it", "period", rule.Spec{Max: text("30s")}, "", "30s", ""},
		{"a default between both stays", "period", rule.Spec{Min: text("30s"), Max: text("90s")}, "", "1m", ""},
		{"bounds that meet leave one value", "period", rule.Spec{Min: text("5m"), Max: text("5m")}, "", "5m", ""},

		{"a literal is allowed", "ref", allow("main"), "main", "main", ""},
		{"another is not", "ref", allow("main"), "dev", "", `allowed values: "main"`},
		{"one of two is allowed", "ref", allow("main", "release-*"), "release-2", "release-2", ""},
		{"none of two", "ref", allow("main", "release-*"), "dev", "", `allowed values: "main", "release-*"`},
		{"none of three", "ref", allow("main", "dev", "release-*"), "x", "", `allowed values: "main", "dev", "release-*"`},
		{"none of ten, of which eight are named", "ref", many, "x", "", `allowed values: "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8" and 2 more`},
		{
			"none of eight, which are all named", "ref", allow("a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"), "x", "",
			`allowed values: "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"`,
		},
		{"the last of ten is allowed", "ref", many, "b2", "b2", ""},
		{"a default that the list does not have", "ref", allow("main"), "", "", `policy "web" does not allow the default: allowed values: "main"; set the annotation`},
		{"a default that the list has", "ref", allow("HEAD", "main"), "", "HEAD", ""},
		{"a list with a default of its own", "ref", rule.Spec{Allow: []rule.Text{"main"}, Default: text("main")}, "", "main", ""},
		{"a glob covers the whole value", "secret", allow("git-*"), "my-git-x", "", `allowed values: "git-*"`},
		{"a repository is compared by its parts", "repo", allow("https://github.com/acme/*"), "https://github.com/evil/site", "", `allowed values: "https://github.com/acme/*"`},

		{
			"an address is not meant by a star", "repo", allow("https://*/*"), "https://127.0.0.1/a", "",
			`allowed values: "https://*/*"; an IP address has to be named literally`,
		},
		{"every element of a list is allowed", "containers", allow("web", "api-*"), "web,api-1", "web,api-1", ""},
		{"one element of a list is not", "containers", allow("web", "api-*"), "web,worker", "", `allowed values: "web", "api-*"`},
		{"a list is not compared as a whole", "containers", allow("web*"), "web,worker", "", `allowed values: "web*"`},
		{"bounds and a list hold together", "period", rule.Spec{Min: text("30s"), Allow: []rule.Text{"10s", "1m"}}, "10s", "", "the minimum is 30s"},
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
	asked := parse(builtin, pod.Obj().Metadata.Annotations, nil)
	problems := slices.Concat(asked.problems, review(policy, pod.Obj(), asked.requests, nil))
	if tt.why == "" {
		if len(problems) > 0 || asked.requests[0].Value(tt.option).Text != tt.want {
			t.Errorf("got %q, %v; want %q", asked.requests[0].Value(tt.option).Text, problems, tt.want)
		}
		return
	}
	value, why := tt.given, `policy "web" does not allow this value: `+tt.why
	if v, err := builtin.Find("git-poller").Option(tt.option).Parse(tt.given); err == nil {
		value = v.Text
	}
	if tt.given == "" {
		value, why = builtin.Find("git-poller").Option(tt.option).Default, tt.why
	}
	if len(problems) != 1 || problems[0].Reason != reason.ValueNotAllowed {
		t.Fatalf("the problems are %v", problems)
	}
	if got, want := problems[0].Error.Error(), wrong(key, value, why); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAHelperThatThePolicyDoesNotListIsDenied(t *testing.T) {
	t.Parallel()
	const at = "metadata.annotations[" + keyMountPath + "]: Forbidden: "
	const team = "; the platform team can change this in the policy, spec.helpers"
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
			policy := &Policy{Name: "web", Known: builtin, Helpers: map[string]*rule.Helper{}}
			for _, name := range tt.allowed {
				policy.Helpers[name] = all.Helpers[name]
			}
			// The policy decides before the helper does: nothing else is said about it.
			pod := MakePod("web").Annotate(keyMountPath, "/srv", keyTargets, "nobody").Obj()
			d := Injector{}.Decide(pod, policy, nil)
			if d.Message() != at+tt.want+team || d.Reason != reason.HelperNotAllowed || d.Result != reason.Denied {
				t.Errorf("got  %s (%s)\nwant %s", d.Message(), d.Reason, at+tt.want+team)
			}
		})
	}
}

func TestAHelperInTheNodesNetworkNeedsAPolicyThatSaysSo(t *testing.T) {
	t.Parallel()
	host := func(p *pod.Pod) { p.Spec.HostNetwork = true }
	const want = `spec.hostNetwork: Forbidden: policy "web" does not allow helpers in pods that use the node's network (git-poller); remove hostNetwork or the annotations; the platform team can change this in the policy, spec.hostNetwork`
	d := decide(MakePod("web").Git().Change(host).Obj())
	if d.Message() != want || d.Reason != reason.HostNetwork {
		t.Errorf("got  %s (%s)\nwant %s", d.Message(), d.Reason, want)
	}
	policy := testPolicy()
	policy.HostNetwork = true
	if d := (Injector{}).Decide(MakePod("web").Git().Change(host).Obj(), policy, nil); d.Result != reason.Injected {
		t.Errorf("a policy that allows it: %s", d.Message())
	}
	if d := decide(MakePod("web").Annotate(InjectAnnotation, "false").Change(host).Obj()); d.Result != reason.Skipped {
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
	if diff := cmp.Diff(want, sentences(d)); diff != "" || d.Reason != reason.MissingOption {
		t.Errorf("problems, %s (-want +got):\n%s", d.Reason, diff)
	}
}

func TestAURLWithAUserNeverReachesThePattern(t *testing.T) {
	t.Parallel()
	pod := MakePod("web").Git(keyRepo, "https://github.com@evil.example/").Obj()
	policy := withRule(t, testPolicy(), "git-poller", "repo", rule.Spec{Allow: []rule.Text{"https://github.com/*"}})
	d := Injector{}.Decide(pod, policy, nil)
	want := wrong(keyRepo, "https://…@evil.example/", "must not contain credentials (what stands before the @): name a Secret in the option secret instead")
	if d.Message() != want {
		t.Errorf("got  %s\nwant %s", d.Message(), want)
	}
}
