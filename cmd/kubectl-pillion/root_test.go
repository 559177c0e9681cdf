// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestHelp(t *testing.T) {
	t.Parallel()
	for file, args := range map[string][]string{
		"help.txt":           {"help"},
		"help-inject.txt":    {"inject", "--help"},
		"help-explain.txt":   {"explain", "--help"},
		"help-diff.txt":      {"diff", "--help"},
		"help-uninject.txt":  {"uninject", "--help"},
		"help-try.txt":       {"try", "--help"},
		"help-status.txt":    {"status", "--help"},
		"help-dashboard.txt": {"dashboard", "--help"},
		"help-check.txt":     {"check", "--help"},
		"help-helpers.txt":   {"helpers", "--help"},
		"help-policy.txt":    {"policy", "--help"},
		"help-lint.txt":      {"policy", "lint", "--help"},
		"help-test.txt":      {"policy", "test", "--help"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			r := call("", args...)
			if r.code != exitOK || r.errOut != "" {
				t.Errorf("got %+v", r)
			}
			wantGolden(t, file, r.out)
		})
	}
	t.Run("without arguments it is the help", func(t *testing.T) {
		t.Parallel()
		if diff := cmp.Diff(call("", "help"), call(""), cmp.AllowUnexported(result{})); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the version is told", func(t *testing.T) {
		t.Parallel()
		if r := call("", "--version"); r.code != exitOK || !strings.HasPrefix(r.out, "kubectl pillion version v") {
			t.Errorf("got %+v", r)
		}
	})
}

func TestFailures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.yaml")
	for name, c := range map[string]struct {
		stdin string
		args  []string
		want  string // the whole text, or its beginning if it ends in "…"
	}{
		"an unknown command":       {"", []string{"injekt"}, "error: unknown command \"injekt\" for \"kubectl pillion\"…"},
		"an unknown flag":          {"", []string{"inject", "--file", "-"}, "error: unknown flag: --file\n"},
		"an argument too many":     {"", []string{"inject", "web.yaml"}, "error: unexpected argument \"web.yaml\": name files with -f\n"},
		"no file":                  {"", []string{"inject"}, "error: --filename is required: name a file, or - for standard input\n"},
		"an unknown output format": {"", []string{"inject", "-f", "-", "-o", "xml"}, "error: --output \"xml\": must be yaml or json\n"},
		"a file that is missing":   {"", []string{"inject", "-f", missing}, "error: open " + missing + ": no such file or directory\n"},
		"an empty directory":       {"", []string{"inject", "-f", dir}, "error: the directory " + dir + " has no .yaml, .yml or .json file; directories below it are read with --recursive\n"},
		"a policy that is missing": {podOf("Pod", "v1"), []string{"inject", "-f", "-", "--policy", missing}, "error: reading a policy: open " + missing + ": no such file or directory\n"},
		"an empty input":           {"", []string{"inject", "-f", "-"}, "error: no object in …"},
		"comments alone":           {"# nothing\n---\n\n---\n# more\n", []string{"inject", "-f", "-"}, "error: no object in …"},
		"a tab for an indent":      {"kind: Pod\nmetadata:\n\tname: web\n", []string{"inject", "-f", "-"}, "error: standard input:3: found character that cannot start any token\n"},
		"a key twice":              {"kind: Pod\nkind: Pod\n", []string{"inject", "-f", "-"}, "error: standard input:2: key \"kind\" already set in map\n"},
		"an unknown anchor":        {"kind: *pod\n", []string{"inject", "-f", "-"}, "error: standard input:1: unknown anchor 'pod' referenced\n"},
		"a list":                   {"- kind: Pod\n", []string{"inject", "-f", "-"}, "error: standard input, document 1: is not a Kubernetes object: it must be a mapping with apiVersion and kind\n"},
		"a string":                 {"Pod\n", []string{"inject", "-f", "-"}, "error: standard input, document 1: is not a Kubernetes object: it must be a mapping with apiVersion and kind\n"},
		"the second document":      {podOf("Pod", "v1") + "---\n- 1\n", []string{"inject", "-f", "-"}, "error: standard input, document 2: is not a Kubernetes object: …"},
		"a document separator with something behind": {"a: 1\n--- {b: 2}\n", []string{"inject", "-f", "-"}, "error: reading standard input, document 1: …"},
		"a workload without a template":              {"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {}\n", []string{"inject", "-f", "-"}, "error: Deployment/web (standard input, document 1): reading spec.template: it is absent\n"},
		"a boolean for an annotation":                {podOf("Pod", "v1", "date-writer.pillion.dev/wait: true"), []string{"inject", "-f", "-"}, "error: standard input:6: Pod/web: metadata.annotations[date-writer.pillion.dev/wait]: expected a string, got the boolean true; annotations are strings; write \"true\" in quotes\n…"},
		"a pod without a spec":                       {"apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    date-writer.pillion.dev/mount-path: /html\n", []string{"inject", "-f", "-"}, "error: Pod/* (standard input, document 1): applying the patch: add /spec/initContainers: there is no \"spec\"\n"},
	} {
		t.Run(name+" is exit code 2 and no output", func(t *testing.T) {
			t.Parallel()
			r := call(c.stdin, c.args...)
			if r.code != exitFailed || r.out != "" {
				t.Errorf("exit code %d, output %q", r.code, r.out)
			}
			if beginning, open := strings.CutSuffix(c.want, "…"); r.errOut != c.want && (!open || !strings.HasPrefix(r.errOut, beginning)) {
				t.Errorf("got  %q\nwant %q", r.errOut, c.want)
			}
		})
	}
}

func TestBrokenStreams(t *testing.T) {
	t.Parallel()
	broken := errors.New("the pipe broke")
	t.Run("an input that breaks off is exit code 2", func(t *testing.T) {
		t.Parallel()
		var out, errOut strings.Builder
		if code := run([]string{"inject", "-f", "-"}, iotest.ErrReader(broken), &out, &errOut); code != exitFailed || out.String() != "" || !strings.Contains(errOut.String(), broken.Error()) {
			t.Errorf("exit code %d, %q, %q", code, out.String(), errOut.String())
		}
	})
	for _, output := range []string{"yaml", "json"} {
		t.Run("an output that cannot be written is exit code 2: "+output, func(t *testing.T) {
			t.Parallel()
			var errOut strings.Builder
			if code := run([]string{"inject", "-f", "-", "-o", output}, strings.NewReader(podOf("Pod", "v1")), brokenWriter{broken}, &errOut); code != exitFailed || errOut.String() != "error: the pipe broke\n" {
				t.Errorf("exit code %d, %q", code, errOut.String())
			}
		})
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestSeveralFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one.yaml"), filepath.Join(dir, "two.yaml")
	for file, text := range map[string]string{one: podOf("Pod", "v1"), two: podOf("Job", "batch/v1", "date-writer.pillion.dev/mount-path: html")} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("are printed in the order of the flags, standard input in its place", func(t *testing.T) {
		t.Parallel()
		r := call("kind: ConfigMap\n", "inject", "-f", one, "-f", "-", "-f", one)
		var kinds []any
		for _, d := range documentsOf(t, r.out) {
			kinds = append(kinds, at(d, "kind"))
		}
		if diff := cmp.Diff([]any{"Pod", "ConfigMap", "Pod"}, kinds); r.code != exitOK || diff != "" {
			t.Errorf("exit code %d, %s", r.code, diff)
		}
	})
	t.Run("are named in a denial", func(t *testing.T) {
		t.Parallel()
		r := call("", "inject", "-f", one, "-f", two)
		if r.code != exitRefused || r.out != "" || !strings.HasPrefix(r.errOut, "error: "+two+":9: Job/web: spec.template.metadata.annotations[") {
			t.Errorf("got %+v", r)
		}
	})
}
