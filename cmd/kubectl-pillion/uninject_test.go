// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// plainForm is YAML or JSON as data without what is empty.
func plainForm(t *testing.T, text []byte) any {
	t.Helper()
	raw, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return full(v)
}

func TestUninjectUndoesInjectOfGoldenPods(t *testing.T) {
	t.Parallel()
	pods, err := filepath.Glob("../../internal/admission/testdata/*/pod.yaml")
	if err != nil || len(pods) == 0 {
		t.Fatalf("no golden pods: %v", err)
	}
	tried := 0
	for _, file := range pods {
		dir := filepath.Dir(file)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var args []string
		if _, err := os.Stat(filepath.Join(dir, "policy.yaml")); err == nil {
			args = []string{"--policy", filepath.Join(dir, "policy.yaml")}
		}
		if bytes.Contains(text, []byte("pillion-")) {
			continue // it has names of Pillion itself, and would lose them
		}
		in := call("", append([]string{"inject", "-f", file}, args...)...)
		if in.code != exitOK || bytes.Contains(text, []byte("pillion.dev/status")) {
			continue // denied, or with a status of its own
		}
		tried++
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			r := call(in.out, append([]string{"uninject", "-f", "-"}, args...)...)
			if r.code != exitOK || r.errOut != "" {
				t.Fatalf("exit code %d: %s", r.code, r.errOut)
			}
			if again := call(r.out, append([]string{"inject", "-f", "-"}, args...)...); cmp.Diff(plainForm(t, []byte(in.out)), plainForm(t, []byte(again.out))) != "" {
				t.Errorf("inject does not make the pod again: %s", r.out)
			}
			// This pod names a pull secret that its policy adds to each: nobody can tell whose it is.
			if diff := cmp.Diff(plainForm(t, text), plainForm(t, []byte(r.out))); diff != "" && filepath.Base(dir) != "policy-platform-owned" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if tried < 60 {
		t.Errorf("%d pods were tried; at least 60 of the golden pods are injected", tried)
	}
}

func TestUninjectKeepsCommentsAndOrder(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"comments", "compact", "list"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("testdata", name+".in.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			r := call(injected(t, string(text)), "uninject", "-f", "-")
			if diff := cmp.Diff(words(string(text)), words(r.out)); r.code != exitOK || r.errOut != "" || diff != "" {
				t.Errorf("exit code %d %s (-want +got):\n%s", r.code, r.errOut, diff)
			}
		})
	}
}

// words are the lines of a text without what inject sets in its own way: blank lines, and the
// spaces in front of comments.
func words(text string) (lines []string) {
	for line := range strings.Lines(strings.TrimPrefix(text, "---\n")) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestUninjectSaysWhatItLeaves(t *testing.T) {
	t.Parallel()
	in := injected(t, podOf("Deployment", "apps/v1", "ipc.pillion.dev/process: \"true\""))
	if !strings.Contains(in, "shareProcessNamespace: true") {
		t.Fatalf("got\n%s", in)
	}
	r := call(in, "uninject", "-f", "-")
	if r.code != exitOK || r.errOut != "" || strings.Contains(r.out, "shareProcessNamespace") {
		t.Errorf("under the same policy: %+v", r)
	}
	r = call(in, "uninject", "-f", "-", "--policy", shopPolicy(t))
	line := strings.Count(strings.Split(in, " shareProcessNamespace")[0], "\n") + 1
	want := "warning: standard input:" + strconv.Itoa(line) + ": Deployment/web: spec.template.spec.shareProcessNamespace is left: whether inject added it is not known, since under policy \"web\" inject does not make this file again\n"
	if r.code != exitOK || r.errOut != want || !strings.Contains(r.out, "shareProcessNamespace: true") {
		t.Errorf("under another policy: %+v\nwant %q", r, want)
	}
}
