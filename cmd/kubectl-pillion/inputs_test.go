// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// manifests writes files, whose directories are made, and returns where.
func manifests(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestInputsAreNamedAsForKubectl(t *testing.T) {
	t.Parallel()
	of := func(name string) string { return "kind: ConfigMap\nmetadata: {name: " + name + "}\n" }
	dir := manifests(t, map[string]string{
		"b.yaml": of("b"), "a.yml": of("a"), "c.json": `{"kind":"ConfigMap","metadata":{"name":"c"}}`, "README.md": "- no manifest\n",
		"below/d.yaml": of("d"), ".git/e.yaml": of("e"), "below/deeper/f.yaml": of("f"),
	})
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	for name, tt := range map[string]struct {
		args []string
		want []any // the names of the objects, in order
	}{
		"a directory":                         {[]string{"-f", dir}, []any{"a", "b", "c"}},
		"a directory with all below it":       {[]string{"-R", "-f", dir}, []any{"a", "b", "d", "f", "c"}},
		"a list with commas":                  {[]string{"-f", dir + "/b.yaml," + dir + "/a.yml"}, []any{"b", "a"}},
		"a URL":                               {[]string{"-f", server.URL + "/b.yaml"}, []any{"b"}},
		"a URL, standard input and directory": {[]string{"-f", server.URL + "/c.json", "-f", "-", "-f", dir + "/below"}, []any{"c", "stdin", "d"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := call(of("stdin"), append([]string{"inject"}, tt.args...)...)
			var names []any
			for _, d := range documentsOf(t, r.out) {
				names = append(names, at(d, "metadata", "name"))
			}
			if diff := cmp.Diff(tt.want, names); r.code != exitOK || diff != "" {
				t.Errorf("exit code %d: %s\n%s", r.code, r.errOut, diff)
			}
		})
	}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"a directory with directories alone": {[]string{"-f", manifests(t, map[string]string{"a/b.yaml": of("b")})}, "has no .yaml, .yml or .json file; directories below it are read with --recursive\n"},
		"a URL where nothing is":             {[]string{"-f", server.URL + "/none.yaml"}, "error: reading " + server.URL + "/none.yaml: the server answers 404 Not Found\n"},
		"a password in a URL is not told":    {[]string{"-f", strings.Replace(server.URL, "//", "//me:secret@", 1) + "/none.yaml"}, "//me:xxxxx@"},
		"a server that is not there":         {[]string{"-f", "http://127.0.0.1:1/a.yaml"}, "error: reading http://127.0.0.1:1/a.yaml: dial tcp 127.0.0.1:1: connect: connection refused\n"},
		"both":                               {[]string{"-f", dir, "-k", dir}, "error: give either --filename or --kustomize, not both\n"},
		"no kustomization":                   {[]string{"-k", dir}, ""},
		"a file in a directory":              {[]string{"-f", manifests(t, map[string]string{"a.yaml": "- 1\n"})}, "a.yaml, document 1: is not a Kubernetes object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := call("", append([]string{"inject"}, tt.args...)...)
			if r.code != exitFailed || r.out != "" || !strings.HasPrefix(r.errOut, "error: ") || !strings.Contains(r.errOut, tt.want) {
				t.Errorf("got %+v, want %q", r, tt.want)
			}
		})
	}
}

// A kustomization is rendered by the program that the user has.
func TestAKustomizationIsRendered(t *testing.T) {
	program := t.TempDir()
	writeProgram(t, filepath.Join(program, "kubectl"), "#!/bin/sh\n[ \"$1 $2\" = 'kustomize overlay' ] && echo 'kind: ConfigMap'\n")
	t.Setenv("PATH", program)
	if r := call("", "inject", "-k", "overlay"); r.code != exitOK || r.out != "kind: ConfigMap\n" {
		t.Errorf("got %+v", r)
	}
	if r := call("", "inject", "-k", "other"); r.code != exitFailed || !strings.HasPrefix(r.errOut, "error: kubectl kustomize other: exit status 1") {
		t.Errorf("got %+v", r)
	}
	t.Setenv("PATH", "")
	if r := call("", "inject", "-k", "overlay"); r.code != exitFailed || !strings.HasPrefix(r.errOut, "error: --kustomize needs kubectl or kustomize on the PATH") {
		t.Errorf("got %+v", r)
	}
}

// writeProgram writes a program while no other test starts one, which would hold it open for
// a moment in which it cannot be started.
func writeProgram(t *testing.T, path, text string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
}
