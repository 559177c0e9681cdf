// SPDX-License-Identifier: Apache-2.0

package pillion_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/pkg/pillion"
)

func policyNamed(name string) string {
	return "{apiVersion: pillion.dev/v1alpha1, kind: InjectionPolicy, metadata: {name: " + name + "}, spec: {helpers: {ipc: {}}}}"
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func names(policies []*pillion.Policy) []string {
	var all []string
	for _, p := range policies {
		all = append(all, p.Name())
	}
	return all
}

func TestLoadReadsFilesAndDirectories(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	write(t, dir, "b.yaml", policyNamed("b"))
	write(t, dir, "c.yml", policyNamed("c"))
	write(t, dir, "README.md", "not a policy")
	a := write(t, other, "a", policyNamed("a"))
	policies, err := pillion.Load(dir, a)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, names(policies)); diff != "" {
		t.Error(diff)
	}
	parsed, err := pillion.Parse(pillion.File{Name: "a", Data: []byte(policyNamed("a"))})
	if err != nil || parsed[0].Hash() != policies[0].Hash() || parsed[0].Hash() == policies[1].Hash() {
		t.Errorf("hashes %v and %v, %v; want those of one content to be equal", parsed[0].Hash(), policies[0].Hash(), err)
	}
}

func TestLoadSaysAllThatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := write(t, dir, "good.yaml", policyNamed("a"))
	same := write(t, dir, "same.yaml", policyNamed("a"))
	bad := write(t, dir, "bad.yaml", strings.Replace(policyNamed("x"), "ipc", "icp", 1))
	missing := filepath.Join(dir, "missing.yaml")
	policies, err := pillion.Load(good, same, bad, missing)
	if err == nil {
		t.Fatalf("loaded %v", names(policies))
	}
	for _, want := range []string{
		"policy file " + same + `: metadata.name: the policy "a" is in ` + good + " already; each policy needs its own name",
		"policy file " + bad + ": line 1: spec.helpers[icp]: ",
		missing + ": no such file",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
}

func TestParseSaysAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := pillion.Parse(
		pillion.File{Name: "one", Data: []byte("kind: Secret")},
		pillion.File{Name: "two", Data: []byte(policyNamed("a"))},
		pillion.File{Name: "three", Data: []byte(policyNamed("a"))},
	)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"policy file one: ", `policy file three: metadata.name: the policy "a" is in two already`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
}

func TestNoPolicyIsAnError(t *testing.T) {
	t.Parallel()
	if policies, err := pillion.Load(); err == nil {
		t.Errorf("Load of nothing gave %v", names(policies))
	}
	if policies, err := pillion.Parse(); err == nil {
		t.Errorf("Parse of nothing gave %v", names(policies))
	}
	if policies, err := pillion.Load(t.TempDir()); err == nil {
		t.Errorf("Load of an empty directory gave %v", names(policies))
	}
}
