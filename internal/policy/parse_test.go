// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parseTest is a file and all its mistakes; none means that it is taken.
type parseTest struct {
	name, data string
	want       []string
}

func testParse(t *testing.T, tests []parseTest) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := Parse([]byte(tt.data))
			got := mistakes(err)
			if slices.ContainsFunc(tt.want, line.MatchString) {
				got = withLines(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s\nin\n%s", diff, tt.data)
			}
			if (p == nil) != (err != nil) {
				t.Errorf("a policy %t beside the error %v", p != nil, err)
			}
		})
	}
}

func TestAFieldThatNobodyReadsIsRejectedWithItsLine(t *testing.T) {
	t.Parallel()
	testParse(t, []parseTest{
		{"a letter too few in the spec", file("helprs: {}"), []string{`line 6: spec: unknown field "helprs"; did you mean "helpers"?`}},
		{"a letter too few beside the spec", strings.Replace(file("helpers: {}"), "kind:", "knd:", 1), []string{`line 2: unknown field "knd"; did you mean "kind"?`}},
		{"a singular for a plural in a helper", gitPoller("option: {}"), []string{`line 8: spec.helpers[git-poller]: unknown field "option"; did you mean "options"?`}},
		{"a misspelled rule", gitPoller("options:", "  period:", "    defalt: 30s"), []string{`line 10: spec.helpers[git-poller].options[period]: unknown field "defalt"; did you mean "default"?`}},
		{"two letters swapped in a setting of a helper", gitPoller("imgae: x"), []string{`line 8: spec.helpers[git-poller]: unknown field "imgae"; did you mean "image"?`}},
		{"a field that is not near any", file("helpers: {}", "frobnicate: true"), []string{`line 7: spec: unknown field "frobnicate"; the fields are enforcement, hostNetwork, runtimeClasses, limits, image, pullPolicy, imagePullSecrets, runAsUser, runAsGroup, helpers, require, inject`}},
		{"a field in quotes", file("helpers: {}", `"frobnicate": true`), []string{`line 7: spec: unknown field "frobnicate"; the fields are enforcement, hostNetwork, runtimeClasses, limits, image, pullPolicy, imagePullSecrets, runAsUser, runAsGroup, helpers, require, inject`}},
		{"a field of a list", file("helpers: {}", "require:", "- hlper: git-poller"), []string{`line 8: spec.require[0]: unknown field "hlper"; did you mean "helper"?`}},
		{"a field of a list, twice", file("helpers: {}", "require:", "- hlper: git-poller", "- hlper: date-writer"), []string{`line 8: spec.require[0]: unknown field "hlper"; did you mean "helper"?`, `line 9: spec.require[1]: unknown field "hlper"; did you mean "helper"?`}},
		{"another kind of object", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata: {}\n", []string{`kind: Unsupported value: "ConfigMap": supported values: "InjectionPolicy"`}},
		{"another kind of object with fields of other types", "apiVersion: v1\nkind: List\nmetadata: []\n", []string{`kind: Unsupported value: "List": supported values: "InjectionPolicy"`}},
		{"a field inside a flow mapping", ruleFor("period", "{mim: 30s}"), []string{`line 9: spec.helpers[git-poller].options[period]: unknown field "mim"; did you mean "min"?`}},
		{"all of them, wherever they are, with values of a wrong type", file("hostNetwork: true", "limits: {helpersPerPod: many}", "helpers:", "  git-poller: {options: {period: 30s, depth: {max: [5]}}, resources: {limits: {cpu: much}, memory: 64Mi}}", "require: {helper: ipc}"), []string{
			`line 6: spec.hostNetwork: expected a string, got a boolean, true; put it into quotes`,
			`line 7: spec.limits.helpersPerPod: expected a whole number, got a string, "many"`,
			`line 9: spec.helpers[git-poller].options[period]: expected a mapping, got a string, "30s"`,
			`line 9: spec.helpers[git-poller].options[depth].max: expected a string, got a list`,
			`line 9: spec.helpers[git-poller].resources.limits[cpu]: expected a quantity, such as 100m or 64Mi, got a string, "much"`,
			`line 9: spec.helpers[git-poller].resources.memory: expected a mapping, got a string, "64Mi"`,
			`line 10: spec.require: expected a list, got a mapping`,
		}},
		{
			"a field of a JSON file", `{"apiVersion":"pillion.dev/v1alpha1","kind":"InjectionPolicy","metadata":{"name":"web"},"spec":{"helprs":{}}}`,
			[]string{`spec: unknown field "helprs"; did you mean "helpers"?`},
		},
	})
}

func TestAFileIsOneDocument(t *testing.T) {
	t.Parallel()
	two := []string{"has more than one YAML document; put each policy into a file of its own"}
	testParse(t, []parseTest{
		{"a document", file("helpers: {}"), nil},
		{"a document behind a mark", "---\n" + file("helpers: {}"), nil},
		{"a document behind a mark and empty lines", "\n\n---\n" + file("helpers: {}"), nil},
		{"a document behind a comment", "# the web policy\n" + file("helpers: {}"), nil},
		{"a document with a byte order mark", "\ufeff" + file("helpers: {}"), nil},
		{"a document from another system", strings.ReplaceAll(file("helpers: {}"), "\n", "\r\n"), nil},
		{"a document in JSON", `{"apiVersion":"pillion.dev/v1alpha1","kind":"InjectionPolicy","metadata":{"name":"web"},"spec":{"helpers":{"date-writer":{}}}}`, nil},
		{"an anchor and what is merged", file("helpers:", "  git-poller: &g {options: &o {period: {min: 1m}, depth: {max: 3}}}", "  date-writer: {options: {file: &f {fixed: a}}}", "  config-reloader: {options: {<<: {}, interval: {min: 2s}}}"), nil},
		{"aliases without end", file("helpers:", "  git-poller: {options: {<<: ["+strings.Repeat("&a {period: {min: 1m}}, ", 1)+strings.Repeat("*a, ", 20)+"*a]}}"), nil},
		{"three dashes inside a string", file("helpers: {}", "image: |-", "  ---"), []string{`spec.image: Invalid value: "---": must be an image reference, such as registry.example/pillion-helper:v1 or one with @sha256:…`}},
		{"two documents", file("helpers: {}") + "---\n" + file("helpers: {}"), two},
		{"two documents with a space behind the mark", file("helpers: {}") + "--- \n" + file("helpers: {}"), two},
		{"two documents from another system", file("helpers: {}") + "---\r\n" + file("helpers: {}"), two},
		{"a key twice", file("helpers: {}", "helpers: {}"), []string{`spec: has "helpers" twice, on line 6 as well`}},
		{"too much of it", strings.Repeat("#", 1<<20+1), []string{"is 1048577 bytes long; the limit is 1048576"}},
		{"a file of the greatest size", file("helpers: {}") + strings.Repeat("#", 1<<20-len(file("helpers: {}"))), nil},
	})
}

func TestAFileSaysWhatItIs(t *testing.T) {
	t.Parallel()
	const (
		version = `apiVersion: Unsupported value: %q: supported values: "pillion.dev/v1alpha1"`
		kind    = `kind: Unsupported value: %q: supported values: "InjectionPolicy"`
		name    = `metadata.name: Invalid value: %q: must be at most 63 lower-case letters, digits or '-', since it is the value of a label`
		noName  = "metadata.name: Required value: a namespace picks the policy by this name"
	)
	changed := func(from, to string) string { return strings.Replace(file("helpers: {}"), from, to, 1) }
	testParse(t, []parseTest{
		{"another version", changed("v1alpha1", "v1"), []string{fmt.Sprintf(version, "pillion.dev/v1")}},
		{"no version", changed("apiVersion: pillion.dev/v1alpha1", ""), []string{fmt.Sprintf(version, "")}},
		{"another kind", changed("InjectionPolicy", "injectionPolicy"), []string{fmt.Sprintf(kind, "injectionPolicy")}},
		{"no name", changed("name: web", "{}"), []string{noName}},
		{"a name in capitals", changed("name: web", "name: Web"), []string{fmt.Sprintf(name, "Web")}},
		{"a name with a dot", changed("name: web", "name: web.v1"), []string{fmt.Sprintf(name, "web.v1")}},
		{"a name with a slash", changed("name: web", "name: ../web"), []string{fmt.Sprintf(name, "../web")}},
		{"a name that is too long", changed("name: web", "name: "+strings.Repeat("a", 64)), []string{fmt.Sprintf(name, strings.Repeat("a", 64))}},
		{"a name of 63 letters", changed("name: web", "name: "+strings.Repeat("a", 63)), nil},
		{"nothing", "", []string{"is empty"}},
		{"an empty object", "{}", []string{fmt.Sprintf(version, ""), fmt.Sprintf(kind, ""), noName}},
		{"everything wrong at once", "apiVersion: v1\nkind: Policy\nmetadata: {name: -}\nspec: {helpers: {shm: {}}, hostNetwork: Maybe}\n", []string{
			fmt.Sprintf(version, "v1"), fmt.Sprintf(kind, "Policy"), fmt.Sprintf(name, "-"),
			`spec.hostNetwork: Unsupported value: "Maybe": supported values: "Allow", "Deny"`,
			`spec.helpers[shm]: Not found: "shm; the helpers of this version are config-reloader, date-writer, git-poller, ipc and start"`,
		}},
	})
}

func TestASettingHasOneOfItsWords(t *testing.T) {
	t.Parallel()
	testParse(t, []parseTest{
		{"enforcement Deny", file("enforcement: Deny"), nil},
		{"enforcement Warn", file("enforcement: Warn"), nil},
		{"enforcement that nobody knows", file("enforcement: Audit"), []string{`spec.enforcement: Unsupported value: "Audit": supported values: "Deny", "Warn"`}},
		{"enforcement in other letters", file("enforcement: deny"), []string{`spec.enforcement: Unsupported value: "deny": supported values: "Deny", "Warn"`}},
		{"hostNetwork Allow", file("hostNetwork: Allow"), nil},
		{"hostNetwork Deny", file("hostNetwork: Deny"), nil},
		{"hostNetwork as a boolean", file("hostNetwork: true"), []string{`spec.hostNetwork: expected a string, got a boolean, true; put it into quotes`}},
	})
}

func TestAHelperOrAnOptionThatDoesNotExistIsRejected(t *testing.T) {
	t.Parallel()
	testParse(t, []parseTest{
		{"a helper", file("helpers:", "  git-poler: {}"), []string{`spec.helpers[git-poler]: Not found: "git-poler; the helpers of this version are config-reloader, date-writer, git-poller, ipc and start; did you mean \"git-poller\"?"`}},
		{"a helper with nothing behind it", file("helpers:", "  git-poler:"), []string{`spec.helpers[git-poler]: Not found: "git-poler; the helpers of this version are config-reloader, date-writer, git-poller, ipc and start; did you mean \"git-poller\"?"`}},
		{"an option", ruleFor("repos", "{}"), []string{`spec.helpers[git-poller].options[repos]: Not found: "repos; git-poller has the options repo, ref, mount-path, subdir, containers, mode, period, depth, submodules, secret, auth, ca-configmap, wait, wait-timeout, position, writable, metrics-port, metrics-address, notify, notify-method, notify-status, signal"`}},
		{"an option of the other helper", file("helpers:", "  date-writer: {options: {repo: {}}}"), []string{`spec.helpers[date-writer].options[repo]: Not found: "repo; date-writer has the options mount-path, file, interval, mode, format, timezone, max-size, containers, wait"`}},
	})
}

func TestARuleThatContradictsItselfIsRejected(t *testing.T) {
	t.Parallel()
	at := func(option, rest string) []string {
		return []string{"spec.helpers[git-poller].options[" + option + "]" + rest}
	}
	testParse(t, []parseTest{
		{"the minimum above the maximum", ruleFor("period", "{min: 2m, max: 60s}"), at("period", `.min: Invalid value: "2m": is above max, 1m`)},
		{"a default that the rule rejects", ruleFor("period", "{min: 2m, default: 1m}"), at("period", `.default: Invalid value: "1m": breaks the rule itself: the minimum is 2m`)},
		{
			"a default that the list does not have", ruleFor("repo", `{default: "https://github.com/evil/x", allow: ["https://github.com/acme/*"]}`),
			at("repo", `.default: Invalid value: "https://github.com/evil/x": breaks the rule itself: allowed values: "https://github.com/acme/*"`),
		},
		{"a fixed value and a default", ruleFor("mode", "{fixed: once, default: once}"), at("mode", ".default: Forbidden: a fixed value leaves no room for a default; remove one of the two")},
		{"bounds of what has no order", ruleFor("mode", "{min: once}"), at("mode", ": Forbidden: min and max are for numbers, durations and sizes, and mode is none of these")},
		{"a value that is none", ruleFor("mode", "{fixed: onse}"), at("mode", `.fixed: Invalid value: "onse": must be "poll" or "once"; did you mean "once"?`)},
		{"a pattern that is none", ruleFor("repo", `{allow: ["https://github.com/*", github.com]}`), at("repo", ".allow[1]: Invalid value: \"github.com\": must be a pattern of a URL, such as https://github.com/acme/*")},
	})
}

func TestAScalarNeedsNoQuotes(t *testing.T) {
	t.Parallel()
	testParse(t, []parseTest{
		{"a number", ruleFor("depth", "{max: 5}"), nil},
		{"a number in quotes", ruleFor("depth", `{max: "5"}`), nil},
		{"a boolean", ruleFor("wait", "{default: false}"), nil},
		{"a boolean in quotes", ruleFor("wait", `{default: "false"}`), nil},
		{"a list of booleans", ruleFor("wait", "{allow: [true]}"), nil},
		{"a number for a duration", ruleFor("period", "{min: 30}"), []string{`spec.helpers[git-poller].options[period].min: Invalid value: "30": has no unit; write "30s" for seconds`}},
		{"a number for a boolean", ruleFor("wait", "{default: 1}"), []string{`spec.helpers[git-poller].options[wait].default: Invalid value: "1": must be "true" or "false"`}},
		{"a boolean for a number", ruleFor("depth", "{max: true}"), []string{`spec.helpers[git-poller].options[depth].max: Invalid value: "true": must be a whole number, such as 1`}},
	})
	for _, quoted := range []string{"5", `"5"`} {
		d := decide(mustParse(t, ruleFor("depth", "{max: "+quoted+"}")), "git-poller.pillion.dev/depth", "6")
		const want = `metadata.annotations[git-poller.pillion.dev/depth]: Invalid value: "6": policy "web" does not allow this value: the maximum is 5; the platform team can change this in the policy, spec.helpers[git-poller].options[depth]`
		if d.Message() != want {
			t.Errorf("max: %s\ngot  %s\nwant %s", quoted, d.Message(), want)
		}
	}
}

// A small file can stand for a very large one.
func TestWhatAliasesStandForIsBounded(t *testing.T) {
	t.Parallel()
	var options, helpers strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&options, "o%d: {min: 1m}, ", i)
		fmt.Fprintf(&helpers, "h%d: *h, ", i)
	}
	for name, text := range map[string]string{
		"a mapping that is there often": file("helpers: {h: &h {options: {" + options.String() + "}}, " + helpers.String() + "}"),
		"a mapping merged into itself":  file("helpers:", "  git-poller: &g {<<: *g}"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), "with all that its aliases stand for, the file has more than 200000 values") {
				t.Errorf("got the error %.300v", err)
			}
		})
	}
}
