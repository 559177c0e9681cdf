// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOurProgramsAreCompiledIntoTheImage(t *testing.T) {
	t.Parallel()
	repository, root := t.TempDir(), t.TempDir()
	if err := ownPrograms(t.Context(), root, repository); err != nil {
		t.Fatalf("without programs: %v", err)
	}
	for name, content := range map[string]string{
		"go.mod":                   "module example.com/fixture\n\ngo 1.26.0\n",
		"test/e2e/cmd/one/main.go": "package main\n\nimport _ \"net\" // which would use the C library\n\nfunc main() {}\n",
		"test/e2e/cmd/two/main.go": "package main\n\nfunc main() {}\n",
	} {
		file := filepath.Join(repository, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := ownPrograms(t.Context(), root, repository); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		file := filepath.Join(root, "usr", "local", "bin", name)
		if needed, err := neededBy(file); err != nil || len(needed) > 0 {
			t.Errorf("%s: error %v, needs %v, want a static program", name, err, needed)
		}
	}
}

func TestOurFilesAreLaidOverThePackages(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	passwd := filepath.Join(root, "etc", "passwd")
	if err := os.MkdirAll(filepath.Dir(passwd), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(passwd, []byte("from a package"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := ownFiles(root); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("files", "etc", "passwd"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(passwd); err != nil || string(got) != string(want) {
		t.Errorf("error %v, /etc/passwd:\n%s\nwant:\n%s", err, got, want)
	}
}
