// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
)

// repo is a bare repository that a test builds with git itself.
type repo struct {
	t   testing.TB
	dir string
}

// newRepo makes an empty repository, in root if that is not "".
func newRepo(t testing.TB, root string) repo {
	t.Helper()
	if root == "" {
		root = t.TempDir()
	}
	r := repo{t, filepath.Join(root, "site.git")}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.git("", "init", "--quiet", "--bare", "--initial-branch=main")
	return r
}

// commitTime is the time of all commits of the tests.
var testTime = time.Unix(1_700_000_000, 0)

// gitEnv keeps git from reading anything of the user who runs the tests.
func gitEnv() []string {
	stamp := fmt.Sprintf("%d +0000", testTime.Unix())
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@acme.example", "GIT_AUTHOR_DATE=" + stamp,
		"GIT_COMMITTER_NAME=C", "GIT_COMMITTER_EMAIL=c@acme.example", "GIT_COMMITTER_DATE=" + stamp,
	}
}

// git runs git in the repository and returns what it prints, without the newline.
func (r repo) git(stdin string, args ...string) string {
	r.t.Helper()
	return strings.TrimSuffix(r.rawGit(stdin, args...), "\n")
}

func (r repo) rawGit(stdin string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = r.dir, gitEnv(), strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("git %q: %v\n%s", args, err, stderr.String())
	}
	return string(out)
}

func (r repo) blob(content string) string {
	r.t.Helper()
	return r.git(content, "hash-object", "-w", "--stdin")
}

// files are the content of a tree by path. A value is a file's content, or begins
// with one of the marks below.
type files map[string]string

const (
	isLink       = "\x00link:"       // and the target
	isExecutable = "\x00executable:" // and the content
	isSubmodule  = "\x00submodule:"  // and the hash
)

// tree writes a tree, through git's index.
func (r repo) tree(content files) string {
	r.t.Helper()
	index := filepath.Join(r.t.TempDir(), "index")
	var info strings.Builder
	for path, value := range content {
		switch {
		case strings.HasPrefix(value, isLink):
			fmt.Fprintf(&info, "120000 %s\t%s\x00", r.blob(value[len(isLink):]), path)
		case strings.HasPrefix(value, isExecutable):
			fmt.Fprintf(&info, "100755 %s\t%s\x00", r.blob(value[len(isExecutable):]), path)
		case strings.HasPrefix(value, isSubmodule):
			fmt.Fprintf(&info, "160000 %s\t%s\x00", value[len(isSubmodule):], path)
		default:
			fmt.Fprintf(&info, "100644 %s\t%s\x00", r.blob(value), path)
		}
	}
	run := func(stdin string, args ...string) string {
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Env, cmd.Stdin = r.dir, append(gitEnv(), "GIT_INDEX_FILE="+index), strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			r.t.Fatalf("git %q: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run(info.String(), "update-index", "-z", "--add", "--index-info")
	return run("", "write-tree")
}

// commitTree makes a commit of a tree and moves a ref to it.
func (r repo) commitTree(ref, tree string, parents ...string) string {
	r.t.Helper()
	args := []string{"commit-tree", tree, "-m", "a commit"}
	for _, parent := range parents {
		args = append(args, "-p", parent)
	}
	hash := r.git("", args...)
	if ref != "" {
		r.git("", "update-ref", ref, hash)
	}
	return hash
}

func (r repo) commit(ref string, content files, parents ...string) string {
	r.t.Helper()
	return r.commitTree(ref, r.tree(content), parents...)
}

// backend serves the repositories under a directory with git's own server.
func backend(t testing.TB, root string) http.Handler {
	t.Helper()
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	return &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env:  append(gitEnv(), "GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1"),
	}
}

// serve serves a handler and returns its URL.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// serveRepo serves a repository with git's own server and returns its URL.
func serveRepo(t testing.TB, r repo) string {
	t.Helper()
	return serve(t, backend(t, filepath.Dir(r.dir))) + "/site.git"
}

var testTimeouts = timeouts{connect: time.Minute, idle: time.Minute} // none should be needed

// ask fills in the rest of a request.
func ask(t testing.TB, r Request) Request {
	t.Helper()
	if r.Ref == "" {
		r.Ref = "HEAD"
	}
	if r.Depth == 0 {
		r.Depth = 1
	}
	if r.MaxBytes == 0 {
		r.MaxBytes = 64 << 20
	}
	if r.MaxFiles == 0 {
		r.MaxFiles = 10_000
	}
	if r.Dir == "" {
		r.Dir = t.TempDir()
	}
	return r
}

// anyReceived compares results without the size of a pack.
var anyReceived = cmpopts.IgnoreFields(Result{}, "Received")

// fetch polls once.
func fetch(ctx context.Context, r Request, t timeouts) (Result, error) {
	return new(Session).fetch(ctx, r, t)
}

// v0 makes a server of one that speaks version 2: it does not see that it is asked to.
func v0(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Git-Protocol")
		h.ServeHTTP(w, r)
	})
}

// mustFetch fetches into a new directory and returns the result and that directory's tree.
func mustFetch(t testing.TB, r Request) (Result, string) {
	t.Helper()
	r = ask(t, r)
	result, err := fetch(t.Context(), r, testTimeouts)
	if err != nil {
		t.Fatal(err)
	}
	return result, filepath.Join(r.Dir, "tree")
}

// mustFail fetches and returns the error. Nothing but a tree may be left behind.
func mustFail(t testing.TB, r Request) *Error {
	t.Helper()
	r = ask(t, r)
	_, err := fetch(t.Context(), r, testTimeouts)
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got error %v, want an *Error", err)
	}
	return e
}

// readTree reads a checkout back.
func readTree(t testing.TB, dir string) files {
	t.Helper()
	got := files{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case info.IsDir():
			got[name] = isDirectory
			return nil
		case info.Mode()&os.ModeSymlink != 0:
			target, err := os.Readlink(path)
			got[name] = isLink + target
			return err
		}
		content, err := os.ReadFile(path)
		if info.Mode().Perm()&0o100 != 0 {
			content = append([]byte(isExecutable), content...)
		}
		got[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

const isDirectory = "\x00folder"

// selfSigned is a certificate of some names, or of nobody.
func selfSigned(t testing.TB, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: names}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
