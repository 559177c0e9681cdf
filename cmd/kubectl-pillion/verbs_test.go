// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// neutral leaves out what a new reason or a new field of policies changes everywhere.
var neutral = strings.NewReplacer(
	filepath.FromSlash("testdata/explain/"), "",
	filepath.FromSlash("testdata/lint/"), "",
)

var (
	hashes = regexp.MustCompile(`sha256:[0-9a-f]{12}`)
	lists  = regexp.MustCompile(`(kept|not judged to the end|helpers of this version are|has the options)(:?) .*`)
)

// said is the output of a call that ends with a code, without what changes.
func said(t *testing.T, code int, stdin string, args ...string) string {
	t.Helper()
	r := call(stdin, args...)
	if r.code != code {
		t.Fatalf("exit code %d, want %d: %s%s", r.code, code, r.out, r.errOut)
	}
	return lists.ReplaceAllString(hashes.ReplaceAllString(neutral.Replace(r.out), "HASH"), "$1$2 …")
}

func TestExplainOfFiles(t *testing.T) {
	t.Parallel()
	const in = "testdata/explain/"
	for name, c := range map[string]struct {
		code int
		args []string
	}{
		"denied":   {exitRefused, []string{"-f", in + "denied.in.yaml", "--policy", in + "web.policy.yaml"}},
		"injected": {exitOK, []string{"-f", in + "injected.in.yaml"}},
		"required": {exitRefused, []string{"-f", in + "required.in.yaml", "--policy", in + "required.policy.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantGolden(t, "explain/"+name+".want.txt", said(t, c.code, "", append([]string{"explain"}, c.args...)...))
		})
	}
	t.Run("as JSON it is a list of reports", func(t *testing.T) {
		t.Parallel()
		var reports []explain.Report
		if err := json.Unmarshal([]byte(call("", "explain", "-f", in+"injected.in.yaml", "-o", "json").out), &reports); err != nil {
			t.Fatal(err)
		}
		if len(reports) != 2 || reports[0].Kind != "CronJob" || reports[0].Result != reason.Injected || reports[0].Template != "spec.jobTemplate.spec.template" || reports[1].Result != reason.Skipped {
			t.Errorf("got %+v", reports)
		}
	})
}

func TestANamespaceInTheFilesPicksThePolicy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	policy, err := os.ReadFile("testdata/explain/web.policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"web.yaml": string(policy), "default.yaml": strings.Replace(string(policy), "name: web", "name: default", 1)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	namespace := "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels: {pillion.dev/policy: web}\n---\n"
	pod := strings.Replace(podOf("Pod", "v1"), "  name: web\n", "  name: web\n  namespace: shop\n", 1)
	for _, c := range []struct {
		name, text, want string
		code             int
	}{
		{"by its label", namespace + pod, "the namespace shop has the label pillion.dev/policy: web", exitOK},
		{"a namespace that is not there has the default", pod, "a namespace without the label pillion.dev/policy has the policy default", exitOK},
		{"a name of nothing is denied", strings.Replace(namespace, "policy: web", "policy: wep", 1) + pod, `the policy "wep" does not exist (` + dir + "); there is default, web", exitRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := said(t, c.code, c.text, "explain", "-f", "-", "--policy", dir); !strings.Contains(got, c.want) {
				t.Errorf("got\n%s", got)
			}
		})
	}
}

// A new helper, and a new option, are told of by themselves.
func TestHelpersTellsOfEveryOption(t *testing.T) {
	t.Parallel()
	list := said(t, exitOK, "", "helpers")
	for _, h := range helpers.Builtin().All() {
		if !strings.Contains("\n"+list, "\n"+h.Name+"\n") {
			t.Errorf("%s is not in the list", h.Name)
		}
		text := said(t, exitOK, "", "helpers", h.Name)
		var infos []helperInfo
		if err := json.Unmarshal([]byte(call("", "helpers", h.Name, "-o", "json").out), &infos); err != nil || len(infos) != 1 {
			t.Fatalf("%s: %d: %v", h.Name, len(infos), err)
		}
		for i := range h.Options {
			o := &h.Options[i]
			if !strings.Contains(text, "\n"+h.Key("", o.Name)+"\n") {
				t.Errorf("%s of %s is not in the text", o.Name, h.Name)
			}
			if got := infos[0].Options[i]; got.Key != h.Key("", o.Name) || got.Default != o.Default || got.Required != o.Required || got.Type != o.Kind.Name {
				t.Errorf("%s of %s is %+v", o.Name, h.Name, got)
			}
		}
	}
}

func TestHelpersUnderAPolicy(t *testing.T) {
	t.Parallel()
	const file = "testdata/explain/web.policy.yaml"
	text := said(t, exitOK, "", "helpers", "date-writer", "--policy", file)
	for _, want := range []string{
		"    duration; from 100ms to 24h; default here 10s; such as 10s\n    policy \"web\": default 10s; at least 1s\n",
		"default here rfc3339; such as rfc3339\n    policy \"web\": always rfc3339\n",
		"    policy \"web\": one of *.html\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	if text := said(t, exitOK, "", "helpers", "--policy", file); !strings.Contains(text, "git-poller (policy \"web\" does not allow it)\n") {
		t.Errorf("got\n%s", text)
	}
	wantGolden(t, "explain/required.helpers.txt", said(t, exitOK, "", "helpers", "--policy", "testdata/explain/required.policy.yaml"))
}

func TestHelpersNameTheEngineOfAPolicy(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "big.yaml")
	spec := "apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: big}\nspec: {helpers: {date-writer: {}, git-poller: {engine: git-sync}}}\n"
	if err := os.WriteFile(file, []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
	text := said(t, exitOK, "", "helpers", "git-poller", "--policy", file)
	for _, want := range []string{
		"git-poller (policy \"big\": engine git-sync)\n",
		"    engine git-sync: Denied: the whole repository is published, and the directory is below\n    `current`.\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	if text := said(t, exitOK, "", "helpers", "date-writer", "--policy", file); strings.Contains(text, "engine") {
		t.Errorf("date-writer has an engine:\n%s", text)
	}
	if text := said(t, exitOK, "", "helpers", "git-poller"); strings.Contains(text, "engine") {
		t.Errorf("without a policy there is an engine:\n%s", text)
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	t.Run("tells each mistake with its line", func(t *testing.T) {
		t.Parallel()
		wantGolden(t, "lint/want.txt", said(t, exitRefused, "", "policy", "lint", "testdata/lint"))
	})
	t.Run("as JSON it is a list of files", func(t *testing.T) {
		t.Parallel()
		var all []linted
		if err := json.Unmarshal([]byte(call("", "policy", "lint", "testdata/lint/unknown-fields.yaml", "-o", "json").out), &all); err != nil {
			t.Fatal(err)
		}
		want := remark{Line: 8, Text: `spec: unknown field "hostnetwork"; did you mean "hostNetwork"?`}
		if len(all) != 1 || len(all[0].Mistakes) != 2 || all[0].Mistakes[1] != want {
			t.Errorf("got %+v", all)
		}
	})
	t.Run("a doubt is no mistake, unless it has to be", func(t *testing.T) {
		t.Parallel()
		said(t, exitOK, "", "policy", "lint", "testdata/lint/doubtful.yaml")
		said(t, exitRefused, "", "policy", "lint", "testdata/lint/doubtful.yaml", "--strict")
		said(t, exitOK, "", "policy", "lint", "../../examples/policies/policies", "--strict")
	})
}

func TestPolicyTest(t *testing.T) {
	t.Parallel()
	const example = "../../examples/policies/tests/web.yaml"
	t.Run("the example passes", func(t *testing.T) {
		t.Parallel()
		if got := said(t, exitOK, "", "policy", "test", example); !strings.HasSuffix(got, "\n6 cases passed\n") {
			t.Errorf("got\n%s", got)
		}
	})
	t.Run("so does that of a policy that only warns", func(t *testing.T) {
		t.Parallel()
		if got := said(t, exitOK, "", "policy", "test", "../../examples/policies/tests/trial.yaml"); !strings.HasSuffix(got, "\n3 cases passed\n") {
			t.Errorf("got\n%s", got)
		}
	})
	t.Run("and those of policies that require, and add by default", func(t *testing.T) {
		t.Parallel()
		if got := said(t, exitOK, "", "policy", "test", "../../examples/policies/tests/audited.yaml", "../../examples/policies/tests/assisted.yaml"); !strings.HasSuffix(got, "\n10 cases passed\n") {
			t.Errorf("got\n%s", got)
		}
	})
	t.Run("under another policy it fails, and says how", func(t *testing.T) {
		t.Parallel()
		got := said(t, exitRefused, "", "policy", "test", example, "--policy", "testdata/explain/web.policy.yaml")
		for _, want := range []string{
			"  ✗ nobody polls more often than every half minute\n      the reason is HelperNotAllowed, not ValueNotAllowed: metadata.annotations[",
			"\n4 of 6 cases failed\n",
			"      Pod/web: the result is Injected (Requested), not Denied\n",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("there is no %q in\n%s", want, got)
			}
		}
	})
	t.Run("as JSON it is a list of cases", func(t *testing.T) {
		t.Parallel()
		var all []struct {
			File, Name string
			Passed     bool
		}
		if err := json.Unmarshal([]byte(call("", "policy", "test", example, "-o", "json").out), &all); err != nil || len(all) != 6 || all[0].File != example || !all[0].Passed {
			t.Errorf("%v: %+v", err, all)
		}
	})
}

func TestFailuresOfTheOtherVerbs(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing.yaml")
	for name, c := range map[string]struct {
		args []string
		want string // a part
	}{
		"nothing to explain":           {[]string{"explain"}, "error: what is to be explained? Name a file with -f, or a kind and a name, such as deploy web\n"},
		"a kind without a name":        {[]string{"explain", "deploy"}, "error: which deploy? Name it, such as deploy web\n"},
		"a kind and a slash":           {[]string{"explain", "deploy/"}, "error: which deploy? Name it, such as deploy web\n"},
		"a name without a kind":        {[]string{"explain", "web"}, "error: what is web? Name its kind, such as deploy/web, or a file with -f\n"},
		"a mistyped verb":              {[]string{"explian"}, "error: unknown command \"explian\" for \"kubectl pillion\"\n\nDid you mean this?\n  explain\n"},
		"a mistyped kind":              {[]string{"explain", "deplyo", "web"}, "error: \"deplyo\" has no pods; the kinds are pod, deploy, sts, ds, rs, rc, job, cronjob; did you mean \"deploy\"?\n"},
		"a kind without pods":          {[]string{"explain", "configmap", "web"}, "error: \"configmap\" has no pods; the kinds are pod, deploy, sts, ds, rs, rc, job, cronjob\n"},
		"a file and a name":            {[]string{"explain", "pod", "web", "-f", "x"}, "error: give either --filename or a kind and a name, not both\n"},
		"a file without pods":          {[]string{"explain", "-f", "testdata/explain/web.policy.yaml"}, "error: there is no pod in these files, and nothing that makes pods\n"},
		"an output format of inject":   {[]string{"explain", "-f", "-", "-o", "wide"}, "error: --output \"wide\": must be text, json, yaml, github, junit or sarif\n"},
		"a policy that is missing":     {[]string{"explain", "-f", "-", "--policy", missing}, "error: reading a policy: open " + missing + ": no such file or directory\n"},
		"a kubeconfig that is missing": {[]string{"status", "--kubeconfig", missing}, "error: the kubeconfig " + missing + " does not exist; name another with --kubeconfig or $KUBECONFIG\n"},
		"a helper of no name":          {[]string{"helpers", "git-poler"}, "error: there is no helper \"git-poler\"; the helpers are " + helpers.Builtin().String() + "; did you mean \"git-poller\"?\n"},
		"no file to lint":              {[]string{"policy", "lint"}, "error: which policies? Name files, or directories of them, such as policies/\n"},
		"no table to test":             {[]string{"policy", "test"}, "error: which tables? Name files, such as tests/web.yaml\n"},
		"a mistyped verb of policies":  {[]string{"policy", "lnt", "policies"}, "error: unknown command \"lnt\" for \"kubectl pillion policy\"; did you mean \"lint\"?\n"},
		"a file to lint is missing":    {[]string{"policy", "lint", missing}, "error: stat " + missing + ": no such file or directory\n"},
		"a directory without policies": {[]string{"policy", "lint", "../helper"}, "error: the directory ../helper has no .yaml, .yml or .json file\n"},
		"a table that is a policy":     {[]string{"policy", "test", "testdata/explain/web.policy.yaml"}, "error: testdata/explain/web.policy.yaml: apiVersion \"pillion.dev/v1alpha1\", kind \"InjectionPolicy\": must be pillion.dev/v1alpha1, PolicyTest\n"},
	} {
		t.Run(name+" is exit code 2 and no output", func(t *testing.T) {
			t.Parallel()
			r := call("", c.args...)
			if r.code != exitFailed || r.out != "" || !strings.HasPrefix(r.errOut, c.want) {
				t.Errorf("exit code %d, output %q\ngot  %q\nwant %q", r.code, r.out, r.errOut, c.want)
			}
		})
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"verbs":          {[]string{""}, []string{"explain\t", "helpers\t", "inject\t", "policy\t", "status\t"}},
		"helpers":        {[]string{"helpers", ""}, []string{"git-poller", "date-writer", ":4"}},
		"kinds":          {[]string{"explain", ""}, []string{"pod", "deploy", "cronjob", ":4"}},
		"policy files":   {[]string{"helpers", "--policy", ""}, []string{"yaml", "yml", "json", ":8"}},
		"files to lint":  {[]string{"policy", "lint", ""}, []string{"yaml", ":8"}},
		"output formats": {[]string{"status", "-o", ""}, []string{"text", "json", ":4"}},
		"of objects":     {[]string{"inject", "-o", ""}, []string{"yaml", "json", ":4"}},
		"its policy":     {[]string{"inject", "--policy", ""}, []string{"yaml", ":8"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := call("", append([]string{"__complete"}, c.args...)...)
			lines := strings.Split(r.out, "\n")
			for _, want := range c.want {
				if !slices.ContainsFunc(lines, func(line string) bool {
					return line == want || strings.HasSuffix(want, "\t") && strings.HasPrefix(line, want)
				}) {
					t.Errorf("%q is not offered: %q", want, lines)
				}
			}
		})
	}
}

func TestTheReferenceHasEveryVerb(t *testing.T) {
	t.Parallel()
	page := said(t, exitOK, "", "reference")
	for _, want := range []string{
		"## kubectl pillion explain\n", "## kubectl pillion status\n", "## kubectl pillion helpers\n", "## kubectl pillion inject\n",
		"## kubectl pillion policy lint\n", "## kubectl pillion policy test\n", "| `-A, --all-namespaces` | ", "\n| `RestartPolicyLost` | ", "\n| `Drifted` | ",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("there is no %q", want)
		}
	}
	if strings.Contains(page, "--as-uid") || strings.Count(page, "```")%2 != 0 {
		t.Errorf("it shows hidden flags, or a block does not end:\n%s", page)
	}
}
