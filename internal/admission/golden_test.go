// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/policy"
)

// Every directory of testdata is a case:
//
//	pod.yaml     what the API server sends
//	policy.yaml  the policy; without it, the built-in one
//	helper.yaml  a helper that the policy lists, if the platform defines one
//	want.yaml    the pod that comes out, under a heading with the result and the warnings
//	want.err     instead of want.yaml: the sentence of the denial
//
// What must hold for every pod that comes out is proved for each of them in invariants_test.go.
var update = flag.Bool("update", false, "rewrite the want.yaml and want.err files of testdata")

// testInjector has a version that no release changes.
var testInjector = inject.Injector{Version: "v0.0.0-test"}

// goldenCase is one directory of testdata.
type goldenCase struct {
	dir    string
	pod    []byte // JSON
	policy *inject.Policy
}

func TestGoldenPods(t *testing.T) {
	t.Parallel()
	for _, dir := range goldenDirs(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			c := readGolden(t, dir)
			out, err := Inject(testInjector, c.policy, c.pod, Template{})
			if err != nil {
				t.Fatal(err)
			}
			file, got := golden(t, out)
			c.compare(t, file, got)
			provePod(t, c.policy, c.pod, out)
		})
	}
}

// goldenDirs lists the cases. What is in testdata and no case is a mistake, except the
// corpora of the fuzz tests.
func goldenDirs(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, e := range entries {
		switch {
		case e.Name() == "fuzz":
		case e.IsDir():
			dirs = append(dirs, filepath.Join("testdata", e.Name()))
		default:
			t.Errorf("testdata/%s is not a directory, so no case reads it", e.Name())
		}
	}
	return dirs
}

func readGolden(t testing.TB, dir string) goldenCase {
	t.Helper()
	if !*update {
		if err := complete(dir); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "pod.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c := goldenCase{dir: dir, policy: policy.Builtin()}
	if c.pod, err = yaml.YAMLToJSONStrict(text); err != nil {
		t.Fatal(err)
	}
	switch loaded, err := policy.LoadFile(filepath.Join(dir, "policy.yaml")); {
	case err == nil:
		c.policy = loaded
	case !errors.Is(err, fs.ErrNotExist):
		t.Fatal(err)
	}
	return c
}

// complete tells what a case has too little or too much of.
func complete(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	has := map[string]bool{}
	for _, e := range entries {
		if !slices.Contains([]string{"pod.yaml", "policy.yaml", "helper.yaml", "want.yaml", "want.err"}, e.Name()) {
			return fmt.Errorf("%s/%s is a file that no test reads", dir, e.Name())
		}
		has[e.Name()] = true
	}
	if !has["pod.yaml"] || has["want.yaml"] == has["want.err"] {
		return fmt.Errorf("%s: a case has pod.yaml, perhaps policy.yaml, and either want.yaml or want.err", dir)
	}
	return nil
}

// golden is what an outcome looks like in a file, and the file's name.
func golden(t *testing.T, out Outcome) (file string, text []byte) {
	t.Helper()
	if out.Result == reason.Denied {
		return "want.err", fmt.Appendf(nil, "%s\n%s\n", out.Reason, out.Message())
	}
	pod, err := yaml.JSONToYAML(out.Patched)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s: %s\n", out.Result, out.Reason)
	for _, w := range out.Warnings {
		fmt.Fprintf(&b, "# warning: %s\n", w)
	}
	b.Write(pod)
	return "want.yaml", b.Bytes()
}

func (c goldenCase) compare(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join(c.dir, file)
	if *update {
		for _, name := range []string{"want.yaml", "want.err"} {
			if err := os.Remove(filepath.Join(c.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("the outcome is now of the other kind, %s:\n%s", file, got)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestGoldenDirectoriesAreComplete(t *testing.T) {
	t.Parallel()
	for name, files := range map[string][]string{
		"a file that no test reads":          {"pod.yaml", "want.yaml", "want.yml"},
		"no pod":                             {"want.yaml"},
		"no expectation":                     {"pod.yaml", "policy.yaml"},
		"both expectations, one of them old": {"pod.yaml", "want.yaml", "want.err"},
	} {
		t.Run(name+" is a failure", func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, file := range files {
				if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := complete(dir); err == nil {
				t.Errorf("%v passed for a case", files)
			}
		})
	}
}

// The reasons of all golden pods together: a reason that no pod shows is one that
// nobody has looked at.
func TestGoldenPodsShowEveryReasonOfAPod(t *testing.T) {
	t.Parallel()
	shown := map[reason.Reason]bool{}
	for _, dir := range goldenDirs(t) {
		c := readGolden(t, dir)
		out, err := Inject(testInjector, c.policy, c.pod, Template{})
		if err != nil {
			t.Fatal(err)
		}
		shown[out.Reason] = true
		for _, p := range out.Problems {
			shown[p.Reason] = true
		}
	}
	var missing []string
	for _, r := range reason.All() {
		ofAPod := r.Reason != reason.MirrorPod && // a pod cannot say who creates it: TestAMirrorIsWhatItsKubeletCreates
			r.Reason != reason.UnknownPolicy && r.Reason != reason.WrongObject && r.Reason != reason.NothingChanged
		if r.Result != reason.Failed && ofAPod && !shown[r.Reason] {
			missing = append(missing, string(r.Reason))
		}
	}
	if len(missing) > 0 {
		t.Errorf("no golden pod shows %s", strings.Join(missing, ", "))
	}
}
