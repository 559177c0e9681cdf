// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	definedDir  = "../../examples/helpers/policies"
	shipperFile = definedDir + "/helper-log-shipper.yaml"
)

// copied is the example's directory with files beside it, or in place of what it has.
func copied(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	entries, err := os.ReadDir(definedDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(definedDir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if _, other := files[e.Name()]; !other {
			files[e.Name()] = string(text)
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestHelpersOfADirectoryOfPoliciesAndDefinitions(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"one":      {"log-shipper", "--policy", definedDir},
		"markdown": {"log-shipper", "--policy", definedDir, "-o", "markdown"},
		"file":     {"log-shipper", "--policy", shipperFile, "-o", "markdown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantGolden(t, "defined/"+name+".txt", said(t, exitOK, "", append([]string{"helpers"}, args...)...))
		})
	}
	t.Run("two policies", func(t *testing.T) {
		t.Parallel()
		dir := copied(t, map[string]string{"web.yaml": "apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: web}\n" +
			"spec: {helpers: {log-shipper: {options: {lines-per-minute: {max: 6000}}, resources: {cpu: {max: 1}}}}}\n"})
		text := said(t, exitOK, "", "helpers", "log-shipper", "--policy", dir)
		for _, want := range []string{
			"  allowed by the policies default and web\n", "    policy \"default\": one of app\n", "    policy \"web\": at most 6000\n",
			"log-shipper.pillion.dev/cpu\n", "    policy \"web\": at least 10m; at most 1\n", "    policy \"default\": at least 32Mi; at most 512Mi\n",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		if text := said(t, exitOK, "", "helpers", "git-poller", "--policy", dir); !strings.Contains(text, "  no policy allows it\n") {
			t.Errorf("git-poller is\n%s", text)
		}
		var infos []helperInfo
		if err := json.Unmarshal([]byte(call("", "helpers", "seed", "--policy", dir, "-o", "json").out), &infos); err != nil || len(infos) != 1 {
			t.Fatalf("%v, %v", infos, err)
		}
		if diff := cmp.Diff([]string{"default"}, infos[0].AllowedBy); diff != "" {
			t.Errorf("seed is allowed by (-want +got):\n%s", diff)
		}
	})
	t.Run("what a table of Markdown cannot hold as it is", func(t *testing.T) {
		t.Parallel()
		text, err := os.ReadFile(shipperFile)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "helper.yaml")
		if err := os.WriteFile(file, []byte(strings.Replace(string(text), "description: Where the app writes its logs.", `description: "Where | the\napp writes."`, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if text := said(t, exitOK, "", "helpers", "log-shipper", "--policy", file, "-o", "markdown"); !strings.Contains(text, `| Where \| the app writes. Such as`) {
			t.Errorf("the row is not one in\n%s", text)
		}
	})
}

func TestDefinedHelpersInTheOtherCommands(t *testing.T) {
	t.Parallel()
	policy := definedDir + "/default.yaml"
	asking := func(pairs string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations:\n    log-shipper.pillion.dev/mount-path: /var/log/app\n" + pairs + "spec: {containers: [{name: web, image: nginx}]}\n"
	}
	t.Run("policy test", func(t *testing.T) {
		t.Parallel()
		if got := said(t, exitOK, "", "policy", "test", "../../examples/helpers/tests/default.yaml"); !strings.HasSuffix(got, "\n14 cases passed\n") {
			t.Error(got)
		}
	})
	t.Run("lint", func(t *testing.T) {
		t.Parallel()
		said(t, exitOK, "", "policy", "lint", definedDir, "--strict")
		twice := copied(t, map[string]string{})
		text, _ := os.ReadFile(shipperFile)
		if err := os.WriteFile(filepath.Join(twice, "z.yaml"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		want := `line 10: metadata.name: the helper "log-shipper" is in ` + filepath.Join(twice, "helper-log-shipper.yaml") + " already; give each its own name\n"
		if got := said(t, exitRefused, "", "policy", "lint", twice); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		} else if strings.Contains(got, "there is no log-shipper") {
			t.Errorf("the policy is blamed as well:\n%s", got)
		}
	})
	t.Run("explain", func(t *testing.T) {
		t.Parallel()
		got := said(t, exitOK, asking("    log-shipper.pillion.dev/memory: 256Mi\n"), "explain", "-f", "-", "--policy", policy)
		wantGolden(t, "defined/explain.txt", got)
	})
	t.Run("inject, with a wrong option", func(t *testing.T) {
		t.Parallel()
		r := call(asking("    log-shipper.pillion.dev/steam: app\n"), "inject", "-f", "-", "--policy", policy)
		want := `metadata.annotations[log-shipper.pillion.dev/steam]: Forbidden: log-shipper has no option "steam"; did you mean "log-shipper.pillion.dev/stream"?`
		if r.code != exitRefused || !strings.Contains(r.errOut, want) {
			t.Errorf("exit code %d, %s\nwant %s", r.code, r.errOut, want)
		}
	})
}

func TestDefinitionsThatAreBegun(t *testing.T) {
	t.Parallel()
	t.Run("init", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "helper.yaml")
		if err := os.WriteFile(file, []byte(call("", "helper", "init", "log-shipper").out), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := said(t, exitOK, "", "policy", "lint", file, "--strict"); !strings.HasSuffix(got, ": helper \"log-shipper\"\n") {
			t.Error(got)
		}
		if r := call("", "helper", "init", "Log"); r.code != exitFailed || r.errOut != "error: \"Log\" is no name of a helper: lower-case letters, digits and '-'\n" {
			t.Errorf("%+v", r)
		}
	})
	t.Run("import", func(t *testing.T) {
		t.Parallel()
		const two = "containers: [{name: a, image: registry.example/a:v1}, {name: b, image: registry.example/b:v1, resources: {requests: {cpu: 10m, memory: 8Mi}, limits: {cpu: 10m, memory: 8Mi}}, workingDir: /x}]\n"
		if r := call(two, "helper", "import", "-f", "-"); r.code != exitFailed || r.errOut != "error: - has the containers a, b; name one with --container\n" {
			t.Errorf("%+v", r)
		}
		r := call(two, "helper", "import", "-f", "-", "--container", "b", "--name", "tiny")
		if r.code != exitOK || !strings.Contains(r.out, "  name: tiny\n") || !strings.Contains(r.errOut, "! container.workingDir: a definition has no such field; it is left out\n") {
			t.Errorf("%+v", r)
		}
		for name, want := range map[string]string{"": "error: which file? Name it with -f, such as -f sidecars.yaml, or - for the standard input\n", "none.yaml": "error: open none.yaml: no such file or directory\n"} {
			if r := call("", "helper", "import", "-f", name); r.code != exitFailed || r.errOut != want {
				t.Errorf("%q: %+v", name, r)
			}
		}
		if r := call("", "helper", "imprt"); r.code != exitFailed || r.errOut != "error: unknown command \"imprt\" for \"kubectl pillion helper\"; did you mean \"import\"?\n" {
			t.Errorf("%+v", r)
		}
	})
}
