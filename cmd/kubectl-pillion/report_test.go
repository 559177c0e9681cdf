// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatCIShows(t *testing.T) {
	t.Parallel()
	table := filepath.Join(manifests(t, map[string]string{
		"web.yaml": "apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: web}\nspec: {helpers: {date-writer: {}}}\n",
		"test.yaml": `{apiVersion: pillion.dev/v1alpha1, kind: PolicyTest, policy: web.yaml, cases: [
			{name: "good", annotations: {date-writer.pillion.dev/mount-path: /html}, want: {result: Injected}},
			{name: "50 %, or so: bad", annotations: {}, want: {result: Injected}}]}`,
	}), "test.yaml")
	t.Run("as workflow commands of GitHub", func(t *testing.T) {
		t.Parallel()
		r := call("", "policy", "lint", "testdata/lint/doubtful.yaml", "-o", "github")
		line, _, _ := strings.Cut(strings.ReplaceAll(r.out, `\`, "/"), "\n")
		if r.code != exitOK || !strings.HasPrefix(line, "::warning file=testdata/lint/doubtful.yaml,line=") {
			t.Errorf("got %+v", r)
		}
		r = call("", "policy", "test", table, "-o", "github")
		if want := "::error file=" + strings.ReplaceAll(filepath.ToSlash(table), ":", "%3A") + ",line=1::50 %25, or so: bad: "; r.code != exitRefused || !strings.HasPrefix(r.out, want) || strings.Count(r.out, "\n") != 1 {
			t.Errorf("got  %+v\nwant %q", r, want)
		}
	})
	t.Run("as JUnit", func(t *testing.T) {
		t.Parallel()
		r := call("", "policy", "test", table, "-o", "junit")
		var report junitSuites
		if err := xml.Unmarshal([]byte(r.out), &report); err != nil || len(report.Suites) != 1 {
			t.Fatalf("%v: %s", err, r.out)
		}
		s := report.Suites[0]
		if s.Name != table || s.Tests != 2 || s.Failures != 1 || s.Cases[0].Failures != nil || s.Cases[1].Name != "50 %, or so: bad" || len(s.Cases[1].Failures) != 1 {
			t.Errorf("got %+v", s)
		}
		r = call("", "policy", "lint", "testdata/lint", "-o", "junit")
		if err := xml.Unmarshal([]byte(r.out), &report); err != nil || r.code != exitRefused || !strings.Contains(r.out, "line 4: metadata.name: ") {
			t.Errorf("%v: %s", err, r.out)
		}
	})
	t.Run("as SARIF", func(t *testing.T) {
		t.Parallel()
		r := call("", "policy", "lint", "testdata/lint/bad.yaml", "-o", "sarif")
		var report struct {
			Version string
			Runs    []struct {
				Tool struct {
					Driver struct{ Rules []struct{ ID string } }
				}
				Results []struct {
					RuleID, Level string
					Message       struct{ Text string }
					Locations     []struct {
						PhysicalLocation struct {
							ArtifactLocation struct{ URI string }
							Region           struct{ StartLine int }
						}
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(r.out), &report); err != nil || report.Version != "2.1.0" || len(report.Runs) != 1 || r.code != exitRefused {
			t.Fatalf("%v: %+v", err, r)
		}
		first := report.Runs[0].Results[0]
		at := first.Locations[0].PhysicalLocation
		if first.RuleID != "policy-error" || first.Level != "error" || !strings.HasPrefix(first.Message.Text, "metadata.name: ") || at.ArtifactLocation.URI != "testdata/lint/bad.yaml" || at.Region.StartLine != 4 {
			t.Errorf("got %+v", first)
		}
	})
	t.Run("in another format is a mistake", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{{"policy", "lint", "testdata/lint", "-o", "xml"}, {"policy", "test", table, "-o", "xml"}} {
			if r := call("", args...); r.code != exitFailed || r.errOut != "error: --output \"xml\": must be text, json, yaml, github, junit or sarif\n" {
				t.Errorf("got %+v", r)
			}
		}
	})
}

func TestWhatCIShowsOfPods(t *testing.T) {
	t.Parallel()
	bad := podOf("Job", "batch/v1", "date-writer.pillion.dev/mount-path: html")
	onWorkload := strings.Replace(strings.Replace(podOf("Deployment", "apps/v1", "a: b"), "  name: web\n", "  name: web\n  annotations: {date-writer.pillion.dev/mount-path: /html}\n", 1), "name: web", "name: api", 1)
	file := filepath.Join(manifests(t, map[string]string{"web.yaml": podOf("Pod", "v1") + "---\n" + bad + "---\n" + onWorkload}), "web.yaml")
	lines, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) int { return strings.Count(strings.Split(string(lines), text)[0], "\n") + 1 }
	t.Run("as workflow commands of GitHub", func(t *testing.T) {
		t.Parallel()
		r := call("", "explain", "-f", file, "-o", "github")
		name := strings.ReplaceAll(filepath.ToSlash(file), ":", "%3A")
		want := []string{
			fmt.Sprintf("::error file=%s,line=%d::Job/web: spec.template.metadata.annotations[date-writer.pillion.dev/mount-path]: ", name, at("mount-path: html")),
			fmt.Sprintf("::error file=%s,line=%d::Deployment/api: AnnotationsOnWorkload: ", name, at("mount-path: /html}")+2),
		}
		got := strings.Split(r.out, "\n")
		if r.code != exitRefused || len(got) != len(want)+1 {
			t.Fatalf("got %+v", r)
		}
		for i := range want {
			if !strings.HasPrefix(got[i], want[i]) {
				t.Errorf("got  %q\nwant %q", got[i], want[i])
			}
		}
	})
	t.Run("as JUnit", func(t *testing.T) {
		t.Parallel()
		var report junitSuites
		r := call("", "explain", "-f", file, "-o", "junit")
		if err := xml.Unmarshal([]byte(r.out), &report); err != nil || r.code != exitRefused || len(report.Suites) != 1 || report.Suites[0].Tests != 3 || report.Suites[0].Failures != 2 {
			t.Errorf("%v: %+v", err, r)
		}
	})
	t.Run("as SARIF", func(t *testing.T) {
		t.Parallel()
		r := call("", "explain", "-f", file, "-o", "sarif")
		if r.code != exitRefused || strings.Count(r.out, `"ruleId": "pod-error"`) != 2 {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("is of files alone", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{{"pod", "web"}, {"-f", file, "--dry-run"}} {
			r := call("", append([]string{"explain", "-o", "github"}, args...)...)
			if r.code != exitFailed || r.errOut != "error: --output github shows lines of files: name them with --filename, without --dry-run\n" {
				t.Errorf("got %+v", r)
			}
		}
	})
}

func TestLintOfADirectoryPassesOtherKindsOver(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile("../../examples/policies/policies/web.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := manifests(t, map[string]string{
		"kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
		"namespace.yaml":     "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n",
		"test.yaml":          "apiVersion: pillion.dev/v1alpha1\nkind: PolicyTest\n",
		"web.yaml":           string(good),
	})
	r := call("", "policy", "lint", dir)
	var shown []string
	for line := range strings.Lines(strings.ReplaceAll(r.out, dir+string(filepath.Separator), "")) {
		shown = append(shown, line[:min(len(line)-1, 42)])
	}
	want := []string{"- kustomization.yaml: a Kustomization, passed over", "- namespace.yaml: a Namespace, passed over", "- test.yaml: a PolicyTest, passed over", `✓ web.yaml: policy "web", `}
	for i := range want {
		want[i] = want[i][:min(len(want[i]), 42)]
	}
	if r.code != exitOK || len(shown) < 4 || cmp.Diff(want[:3], shown[:3]) != "" || !strings.HasPrefix(shown[3], want[3]) {
		t.Errorf("exit code %d %s: %s", r.code, r.errOut, r.out)
	}
	for name, text := range map[string]string{
		"a kind that is misspelt":    "apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicies\n",
		"another version of ours":    "apiVersion: pillion.dev/v2\nkind: Rules\n",
		"our kind of somebody else":  "apiVersion: acme.example/v1\nkind: InjectionPolicy\n",
		"no kind":                    "spec: {}\n",
		"what cannot be read as all": "a: b: c\n",
	} {
		if r := call("", "policy", "lint", manifests(t, map[string]string{"web.yaml": string(good), "x.yaml": text})); r.code != exitRefused || !strings.Contains(r.out, "✗ ") {
			t.Errorf("%s is passed over: %+v", name, r)
		}
	}
	if r := call("", "policy", "lint", manifests(t, map[string]string{"a.yaml": "kind: Namespace\n"})); r.code != exitFailed || !strings.HasSuffix(r.errOut, "has manifests, and none is a policy or a helper\n") {
		t.Errorf("got %+v", r)
	}
	if r := call(string(good), "policy", "lint", "-"); r.code != exitOK || !strings.HasPrefix(r.out, `✓ standard input: policy "web"`) {
		t.Errorf("got %+v", r)
	}
	if r := call("kind: Namespace\n", "policy", "lint", "-"); r.code != exitRefused {
		t.Errorf("got %+v", r)
	}
}
