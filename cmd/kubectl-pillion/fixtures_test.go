// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/version"
)

var update = flag.Bool("update", false, "rewrite the golden files of testdata")

// result is what one call of the command did.
type result struct {
	code        int
	out, errOut string
}

// call runs the command with a standard input.
func call(stdin string, args ...string) result {
	var out, errOut bytes.Buffer
	code := run(append([]string{}, args...), strings.NewReader(stdin), &out, &errOut)
	return result{code, out.String(), errOut.String()}
}

// injected runs inject on a string, which has to go well.
func injected(t *testing.T, text string, args ...string) string {
	t.Helper()
	r := call(text, append([]string{"inject", "-f", "-"}, args...)...)
	if r.code != exitOK {
		t.Fatalf("exit code %d: %s", r.code, r.errOut)
	}
	return r.out
}

// wantGolden compares a string with a file of testdata. The version is not part of it.
func wantGolden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	got = strings.ReplaceAll(got, version.String(), "VERSION")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// documentsOf reads YAML or JSON as data. Like kubectl it takes a key that overrides a
// merged one for what it is.
func documentsOf(t *testing.T, text string) []any {
	t.Helper()
	var all []any
	reader := utilyaml.NewDocumentDecoder(io.NopCloser(strings.NewReader(text)))
	buffer := make([]byte, 1<<20)
	for {
		n, err := reader.Read(buffer)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		raw, err := yaml.YAMLToJSON(buffer[:n])
		if err != nil {
			t.Fatalf("%v in\n%s", err, buffer[:n])
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			t.Fatal(err)
		}
		if value != nil {
			all = append(all, value)
		}
	}
}

// at follows keys and indexes into data; nil if there is nothing.
func at(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

// podOf is a workload of a kind, with a pod that asks for a date-writer.
func podOf(kind, apiVersion string, extra ...string) string {
	annotation := "date-writer.pillion.dev/mount-path: /html"
	if len(extra) > 0 {
		annotation = extra[0]
	}
	pod := "metadata:\n  annotations:\n    " + annotation + "\nspec:\n  containers:\n  - name: web\n    image: nginx\n"
	head := "apiVersion: " + apiVersion + "\nkind: " + kind + "\n"
	indent := func(text, by string) string {
		return by + strings.TrimSuffix(strings.ReplaceAll(text, "\n", "\n"+by), by)
	}
	switch kind {
	case "Pod":
		return head + strings.Replace(pod, "metadata:\n", "metadata:\n  name: web\n", 1)
	case "CronJob":
		return head + "metadata:\n  name: web\nspec:\n  jobTemplate:\n    spec:\n      template:\n" + indent(pod, "        ")
	}
	return head + "metadata:\n  name: web\nspec:\n  template:\n" + indent(pod, "    ")
}
