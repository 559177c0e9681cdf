// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// when is the time of the fixture's commit.
var when = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// fixture makes a repository with this one's chart and license, in which the programs do
// nothing, at a commit with tags. Every fixture with the same tags has the same commit.
func fixture(t *testing.T, tags ...string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":                      "module github.com/pillion-dev/pillion\n\ngo 1.26.0\n",
		".gitignore":                  "/bin/\n",
		"cmd/webhook/main.go":         "package main\n\nfunc main() { println(\"webhook\") }\n",
		"cmd/helper/main.go":          "package main\n\nfunc main() { println(\"helper\") }\n",
		"cmd/certificates/main.go":    "package main\n\nfunc main() { println(\"certificates\") }\n",
		"cmd/kubectl-pillion/main.go": "package main\n\nfunc main() { println(\"kubectl\") }\n",
	} {
		put(t, filepath.Join(dir, name), []byte(content))
	}
	for _, name := range []string{"LICENSE", "config/webhook/namespace.yaml"} {
		content, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, name), content)
	}
	if err := os.CopyFS(filepath.Join(dir, "charts"), os.DirFS("../../charts")); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "init", "--quiet", "--initial-branch=main")
	commit(t, dir)
	for _, tag := range tags {
		git(t, dir, "tag", tag)
	}
	return dir
}

func put(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, dir string) {
	t.Helper()
	git(t, dir, "add", ".")
	git(t, dir, "-c", "core.fileMode=false", "commit", "--quiet", "--message=fixture")
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	date := when.Format(time.RFC3339)
	cmd.Env = append(os.Environ(),
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=fixture", "GIT_AUTHOR_EMAIL=fixture@example.com", "GIT_AUTHOR_DATE="+date,
		"GIT_COMMITTER_NAME=fixture", "GIT_COMMITTER_EMAIL=fixture@example.com", "GIT_COMMITTER_DATE="+date,
	)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// call runs a command line that must succeed and returns what it printed.
func call(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), args, &stdout, &stderr); status != 0 {
		t.Fatalf("release %v: exit status %d\n%s", args, status, stderr.String())
	}
	return stdout.String()
}

// rejected runs a command line that must fail and returns what it said.
func rejected(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), args, &stdout, &stderr); status != 1 {
		t.Fatalf("release %v: exit status %d, want 1\n%s", args, status, stderr.String())
	}
	return stderr.String()
}

func read(t *testing.T, parts ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
