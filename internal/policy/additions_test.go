// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/inject"
)

// adding is a policy with the helpers date-writer, git-poller and ipc, and more lines of
// its spec.
func adding(lines ...string) string {
	return file(append([]string{
		"helpers:", "  date-writer: {options: {interval: {min: 10s, default: 10s}, timezone: {fixed: UTC}}}", "  git-poller: {}", "  ipc: {}",
	}, lines...)...)
}

// date is one addition of a date-writer.
func date(more string) string {
	return "- {helper: date-writer, options: {mount-path: /up}" + more + "}"
}

func TestWhatAPolicyAddsIsCheckedWhenItIsLoaded(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range inject.MaxAdditions + 1 {
		many = append(many, fmt.Sprintf("- {helper: date-writer, instance: i%d, options: {mount-path: /up/%d}}", i, i))
	}
	testParse(t, []parseTest{
		{"a helper is required", adding("require:", date("")), nil},
		{"a helper is injected", adding("inject:", date("")), nil},
		{"nothing is", adding("require: []", "inject: []"), nil},
		{"numbers and booleans need no quotes", adding("require:", "- {helper: date-writer, options: {mount-path: /up, wait: false, max-size: 65536}}"), nil},
		{"two instances", adding("require:", date(""), "- {helper: date-writer, instance: b, options: {mount-path: /b}}"), nil},
		{"one of each list", adding("require:", date(""), "inject:", "- {helper: date-writer, instance: b, options: {mount-path: /b}}"), nil},
		{"a field that is not there", adding("require:", "- {helper: date-writer, option: {}}"), []string{`spec.require[0]: unknown field "option"; did you mean "options"?`}},
		{"no list", adding("require: {helper: date-writer}"), []string{"spec.require: expected a list, got a mapping"}},
		{"a list in a list", adding("require: [[date-writer]]"), []string{`spec.require[0]: expected a mapping, got a list`}},
		{"nothing behind the list", adding("require:"), []string{"line 10: spec.require: is empty; write a value, or remove it"}},
		{"nothing behind an option", adding("require:", "- helper: date-writer", "  options: {mount-path: }"), []string{"line 12: spec.require[0].options[mount-path]: is empty; write a value, or remove it"}},
		{"a helper that is not there", adding("require:", "- helper: date-writter"), []string{`spec.require[0].helper: Not found: "date-writter; the helpers are config-reloader, date-writer, git-poller, ipc and start; did you mean \"date-writer\"?"`}},
		{"a helper that is not listed", adding("inject:", "- helper: start"), []string{`spec.inject[0].helper: Invalid value: "start": is not among spec.helpers, so pods may not have it; list it there`}},
		{"a value that the policy's own rule rejects", adding("require:", "- {helper: date-writer, options: {mount-path: /up, interval: 1s}}"), []string{`spec.require[0].options[interval]: Invalid value: "1s": breaks this policy's own rule: the minimum is 10s`}},
		{"another value than the fixed one", adding("require:", "- {helper: date-writer, options: {mount-path: /up, timezone: Europe/Berlin}}"), []string{`spec.require[0].options[timezone]: Invalid value: "Europe/Berlin": breaks this policy's own rule: it is always "UTC"`}},
		{"what a rule gives need not be said", file("helpers:", "  date-writer: {options: {mount-path: {default: /up}}}", "require:", "- helper: date-writer"), nil},
		{"the same helper twice", adding("require:", date(""), date("")), []string{`spec.require[1]: Forbidden: date-writer is in require[0] already; remove one of the two, or give this one an instance`}},
		{"the same helper in both lists", adding("require:", date(", instance: b"), "inject:", date(", instance: b")), []string{`spec.inject[0]: Forbidden: b.date-writer is in require[0] already; remove one of the two, or give this one an instance`}},
		{"too many", adding(append([]string{"require:"}, many...)...), []string{"spec.require: Too many: 17: must have at most 16 items"}},
		{"as many as there can be", adding(append([]string{"require:"}, many[1:]...)...), nil},
		{
			"two helpers on one path", adding("require:", date(""), "- {helper: git-poller, options: {repo: https://github.com/acme/a, mount-path: /up}}"),
			[]string{`spec.require[1].options[mount-path]: Invalid value: "/up": a pod without annotations would be denied: container "app" gets its content from date-writer at /up already; give each helper a directory of its own`},
		},
		{
			"a default inside of what is required", adding("require:", date(""), "inject:", "- {helper: git-poller, options: {repo: https://github.com/acme/a, mount-path: /up/site}}"),
			[]string{`spec.inject[0].options[mount-path]: Invalid value: "/up/site": a pod without annotations would be denied: container "app" gets its content from date-writer at /up already; give each helper a directory of its own; or opt out with pillion.dev/inject: "false"`},
		},
		{
			"more than the policy's own limit", adding("limits: {helpersPerPod: 1}", "require:", date(""), "- {helper: date-writer, instance: b, options: {mount-path: /b}}"),
			[]string{`spec.require: Forbidden: a pod without annotations would be denied: metadata.annotations: Invalid value: 2: is the number of helpers with the 2 that the policy adds, and policy "web" allows 1 in a pod (limits.helpersPerPod); ask for fewer`},
		},
		{
			"options that exclude each other", adding("require:", "- {helper: git-poller, options: {repo: https://github.com/acme/a, mount-path: /a, auth: basic}}"),
			[]string{`spec.require[0].options[auth]: Invalid value: "basic": a pod without annotations would be denied: needs a Secret: set git-poller.pillion.dev/secret`},
		},
		{
			"ipc that shares nothing", adding("require:", "- helper: ipc"),
			[]string{`spec.require: Forbidden: a pod without annotations would be denied: metadata.annotations[ipc.pillion.dev/shm]: Required value: ipc needs to know what to share: set one of shm, mqueue, sysv, socket, fifo, process, hugepages, sysctls`},
		},
		{"a rule for containers that other pods meet", file("helpers:", "  date-writer: {options: {containers: {allow: [web, 'api-*']}}}", "require:", date("")), nil},
		{"containers that the policy names", file("helpers:", "  date-writer: {options: {containers: {default: 'web,api'}}}", "require:", date("")), nil},
	})
}

func TestTheHashIsOfCanonicalValues(t *testing.T) {
	t.Parallel()
	one := file("limits: {volumeSize: 1Gi}", "helpers:", "  date-writer: {options: {interval: {min: 1m, allow: [1m, 2m]}}}", "  git-poller: {volumeSizeLimit: 1Gi}", "require:", "- {helper: date-writer, options: {mount-path: /up, interval: 60s}}")
	hash := mustParse(t, one).Hash
	for name, other := range map[string]string{
		"a duration in a rule":      strings.Replace(one, "min: 1m", "min: 60s", 1),
		"a duration in a list":      strings.Replace(one, "[1m, 2m]", "[60s, 120s]", 1),
		"a duration that is added":  strings.Replace(one, "interval: 60s", "interval: 1m", 1),
		"a size of a limit":         strings.Replace(one, "volumeSize: 1Gi", "volumeSize: 1024Mi", 1),
		"a size of a helper":        strings.Replace(one, "volumeSizeLimit: 1Gi", "volumeSizeLimit: 1024Mi", 1),
		"an empty list beside them": one + "  inject: []\n",
	} {
		if got := mustParse(t, other).Hash; got != hash {
			t.Errorf("%s in another form: %s and %s", name, got, hash)
		}
	}
	seen := []string{hash}
	for name, other := range map[string]string{
		"another value":         strings.Replace(one, "interval: 60s", "interval: 2m", 1),
		"another list":          strings.Replace(one, "require:", "inject:", 1),
		"another instance":      strings.Replace(one, "- {helper: date-writer,", "- {helper: date-writer, instance: b,", 1),
		"nothing that is added": strings.Split(one, "  require:")[0],
	} {
		got := mustParse(t, other).Hash
		if slices.Contains(seen, got) {
			t.Errorf("%s has a hash that another policy has", name)
		}
		seen = append(seen, got)
	}
}

func TestAFieldWithNothingBehindItIsRejected(t *testing.T) {
	t.Parallel()
	testParse(t, []parseTest{
		{"a bound", ruleFor("period", "{min: }"), []string{"line 9: spec.helpers[git-poller].options[period].min: is empty; write a value, or remove it"}},
		{"a bound that is null", ruleFor("period", "{max: null, min: ~}"), []string{
			"line 9: spec.helpers[git-poller].options[period].max: is empty; write a value, or remove it",
			"line 9: spec.helpers[git-poller].options[period].min: is empty; write a value, or remove it",
		}},
		{"a rule", ruleFor("period", ""), []string{"line 9: spec.helpers[git-poller].options[period]: is empty; write a value, or remove it"}},
		{"a limit", file("limits: {helpersPerPod: }"), []string{"line 6: spec.limits.helpersPerPod: is empty; write a value, or remove it"}},
		{"all limits", file("limits:"), []string{"line 6: spec.limits: is empty; write a value, or remove it"}},
		{"an element of a list", ruleFor("repo", "{allow: ['https://*', null]}"), []string{"line 9: spec.helpers[git-poller].options[repo].allow[1]: is empty; write a value, or remove it"}},
		{"a bound behind an anchor", file("helpers:", "  git-poller: {options: {period: &p {min: }, wait-timeout: *p}}"), []string{
			"line 7: spec.helpers[git-poller].options[period].min: is empty; write a value, or remove it", "line 7: spec.helpers[git-poller].options[wait-timeout].min: is empty; write a value, or remove it",
		}},
		{"a helper, which lists it", file("helpers:", "  git-poller:"), nil},
		{"a word that is no null", ruleFor("ref", "{default: nil}"), nil},
	})
}
