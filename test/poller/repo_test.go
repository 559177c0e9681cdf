// SPDX-License-Identifier: Apache-2.0

package poller

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// shape is a repository: incompressible files in one directory and texts in others.
type shape struct {
	name     string
	blobs    int
	blobSize int64
	texts    int
	lines    int // of the shortest text; the longest has twice as many
	refs     int // of pull requests
}

type repo struct {
	t   *testing.T
	dir string
}

// gitEnv keeps git from reading anything of the user who runs this.
func gitEnv() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
	}
}

func (r repo) git(stdin []byte, args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = r.dir, gitEnv(), bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return string(bytes.TrimSpace(out))
}

func newRepo(t *testing.T, root string, s shape) repo {
	t.Helper()
	r := repo{t, filepath.Join(root, "site.git")}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.git(nil, "init", "--quiet", "--bare", "--initial-branch=main")
	var in bytes.Buffer
	random := rand.NewChaCha8([32]byte{})
	in.WriteString("commit refs/heads/main\ncommitter C <c@acme.example> 1700000000 +0000\ndata 1\nx\n")
	data := make([]byte, s.blobSize)
	for i := range s.blobs {
		_, _ = random.Read(data)
		fmt.Fprintf(&in, "M 100644 inline blobs/%d.bin\ndata %d\n", i, len(data))
		in.Write(data)
		in.WriteString("\n")
	}
	for i := range s.texts {
		text := fmt.Sprintf("%d\n%s", i, bytes.Repeat([]byte("the quick brown fox\n"), s.lines+i%50*s.lines/50))
		fmt.Fprintf(&in, "M 100644 inline texts/%d/%d.txt\ndata %d\n%s\n", i%100, i, len(text), text)
	}
	fmt.Fprintf(&in, "M 100644 inline index.html\ndata 2\n0\n\n")
	r.git(in.Bytes(), "fast-import", "--quiet", "--date-format=raw")
	r.git(nil, "repack", "-adq", "--window-memory=100m")
	if s.refs > 0 {
		r.manyRefs(s.refs)
	}
	return r
}

func (r repo) manyRefs(n int) {
	hash := r.git(nil, "rev-parse", "refs/heads/main")
	packed := bytes.NewBufferString("# pack-refs with: peeled fully-peeled sorted \n")
	for i := range n {
		fmt.Fprintf(packed, "%s refs/pull/%06d/head\n", hash, i)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "packed-refs"), packed.Bytes(), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// push changes one line.
func (r repo) push(line string) {
	r.t.Helper()
	text := line + "\n"
	in := fmt.Sprintf("commit refs/heads/main\ncommitter C <c@acme.example> 1700000001 +0000\ndata 1\nx\nfrom refs/heads/main^0\nM 100644 inline index.html\ndata %d\n%s\n", len(text), text)
	r.git([]byte(in), "fast-import", "--quiet", "--date-format=raw")
}
