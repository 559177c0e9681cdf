// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
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

// What a platform team builds from a Dockerfile of examples/helpers is what the stories run.
func TestTheImageHasWhatTheDockerfilesOfHelpersSay(t *testing.T) {
	t.Parallel()
	repository := filepath.Join("..", "..", "..")
	root := t.TempDir()
	if err := helperFiles(root, repository); err != nil {
		t.Fatal(err)
	}
	dockerfiles, err := filepath.Glob(filepath.Join(repository, "examples", "helpers", "*", "Dockerfile"))
	if err != nil || len(dockerfiles) < 4 {
		t.Fatalf("error %v, Dockerfiles %q, want four or more", err, dockerfiles)
	}
	installs := regexp.MustCompile(`(?m)^RUN apt-get update && apt-get install -y --no-install-recommends (\S+)( ca-certificates)? && rm -rf /var/lib/apt/lists/\*$`)
	for _, file := range dockerfiles {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := installs.FindSubmatch(text); found == nil || !slices.Contains(seeds(), string(found[1])) {
			t.Errorf("%s installs a package that no seed is: %s", file, text)
		}
		if !strings.HasSuffix(string(text), "\nCOPY rootfs /\n") {
			t.Errorf("%s does not copy rootfs", file)
		}
		copied := 0
		tree := os.DirFS(filepath.Join(filepath.Dir(file), "rootfs"))
		if err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			copied++
			want, err := fs.Stat(tree, name)
			if err != nil {
				return err
			}
			got, err := os.Stat(filepath.Join(root, name))
			if err == nil && (got.Size() != want.Size() || got.Mode()&0o111 != want.Mode()&0o111) {
				t.Errorf("%s is %v with %d bytes, want %v with %d", name, got.Mode(), got.Size(), want.Mode(), want.Size())
			}
			return err
		}); err != nil || copied == 0 {
			t.Errorf("%s: error %v, %d files", file, err, copied)
		}
	}
}
