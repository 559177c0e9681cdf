// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func be(t *testing.T, server *httptest.Server, what string) string {
	t.Helper()
	response, err := http.Get(server.URL + "/be?" + what)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s", what, response.Status, body)
	}
	return strings.TrimSpace(string(body))
}

// clone is what git itself gets.
func clone(t *testing.T, server *httptest.Server) (string, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	cmd := exec.CommandContext(t.Context(), "git", "clone", "-q", server.URL+"/site.git", dir)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	_, err := cmd.Output()
	return dir, err
}

func TestGitClonesTheHonestRepository(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newServer())
	t.Cleanup(server.Close)
	be(t, server, "page=hello")
	dir, err := clone(t, server)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "index.html")); err != nil || string(got) != "hello\n" {
		t.Errorf("the page is %q (%v)", got, err)
	}
}

// What these packs hold is wicked; the packs themselves are whole, or git would say so.
func TestGitUnpacksWhatIsNotTruncated(t *testing.T) {
	t.Parallel()
	for name, attack := range attacks() {
		switch name {
		case "object-lies", "objects-4-billion", "pack-without-end", "drips", "refs-without-end", "redirect-elsewhere", "rude", "object-of-2-gib", "objects-unpack-to-gib":
			continue // damaged or endless by design, or too much to unpack for a test
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo := attack()
			cmd := exec.CommandContext(t.Context(), "git", "index-pack", "--stdin")
			cmd.Dir = t.TempDir()
			if out, err := exec.CommandContext(t.Context(), "git", "init", "-q", "--bare", cmd.Dir).CombinedOutput(); err != nil {
				t.Fatal(err, string(out))
			}
			cmd.Stdin = strings.NewReader(string(repo.pack))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatal(err, string(out))
			}
			if out, err := exec.CommandContext(t.Context(), "git", "--git-dir="+cmd.Dir, "cat-file", "commit", repo.commit.String()).CombinedOutput(); err != nil {
				t.Error(err, string(out))
			}
		})
	}
}
