// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/gitstatus"
)

// container is a shell with a mount namespace of its own, as a container has, and with
// the program in its PATH.
type container struct {
	testing.TB

	stdin  io.Writer
	stdout *bufio.Reader
}

func newContainer(t *testing.T) *container {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(path, filepath.Join(bin, "pillion-helper")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh")
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
	}
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		t.Skip("this machine lets nobody make namespaces:", err)
	} else if err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() }) // a test should fail, and not hang
	t.Cleanup(func() {
		fmt.Fprintln(stdin, "kill $(jobs -p); wait; exit")
		stdin.Close()
		_ = cmd.Wait()
		guard.Stop()
	})
	return &container{t, stdin, bufio.NewReader(stdout)}
}

// polls starts a git-poller in the container.
func (c *container) polls(args string) {
	c.Helper()
	fmt.Fprintf(c.stdin, "pillion-helper git-poller --root=%s %s 2>/dev/null </dev/null >/dev/null &\n", c.TempDir(), args)
}

// exec runs a verb, as kubectl exec does, and returns what it says and its exit status.
func (c *container) exec(args string) (said string, status int) {
	c.Helper()
	fmt.Fprintf(c.stdin, "pillion-helper %s 2>&1 </dev/null; echo \"<$?>\"\n", args)
	for {
		line, err := c.stdout.ReadString('\n')
		if err != nil {
			c.Fatalf("the container says %q (%v)", said, err)
		}
		if n, _ := fmt.Sscanf(line, "<%d>", &status); n == 1 {
			return said, status
		}
		said += line
	}
}

// sync asks until a poller has started.
func (c *container) sync(args string) (said string, status int) {
	c.Helper()
	for {
		said, status = c.exec("git-poller sync " + args)
		if !notFound(said, "sync") {
			return said, status
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// notFound reports whether a verb says that it finds no poller. The containers of these tests see
// the processes of the whole machine, some of which may hide even from root.
func notFound(said, verb string) bool {
	say := "pillion-helper git-poller " + verb + ": no git-poller "
	return strings.HasPrefix(said, say+"runs in this container; run this in the container pillion-git-poller") ||
		strings.HasPrefix(said, say+"can be seen in this container, and some processes hide: ")
}

// site is a repository on a server. commit makes a commit of a page.
func site(t *testing.T) (url string, commit func(page string) string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "site.git")
	git := func(stdin string, args ...string) string {
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
		cmd.Env = []string{
			"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
			"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@acme.example", "GIT_COMMITTER_NAME=C", "GIT_COMMITTER_EMAIL=c@acme.example",
		}
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("git %q: %v", args, err)
		}
		return strings.TrimSpace(string(out))
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	git("", "init", "--quiet", "--bare", "--initial-branch=main")
	server := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(git("", "--exec-path"), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + filepath.Dir(dir), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	})
	t.Cleanup(server.Close)
	return server.URL + "/site.git", func(page string) string {
		tree := git("100644 blob "+git(page, "hash-object", "-w", "--stdin")+"\tindex.html\n", "mktree")
		hash := git("", "commit-tree", "-m", page, tree)
		git("", "update-ref", "refs/heads/main", hash)
		return hash
	}
}

func TestAPollerCanBeAskedAndSeen(t *testing.T) {
	t.Parallel()
	url, commit := site(t)
	heard := make(chan string, 100)
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { heard <- r.Method + " " + r.Header.Get("Pillion-Commit") }))
	defer app.Close()
	c := newContainer(t)
	first := commit("1")
	c.polls("--period=24h --repo=" + url + " --ref=main --notify=" + app.URL + "/reload")
	said, status := c.sync("")
	if !regexp.MustCompile(`^`+first+` \((un)?changed, polled in \d+.*s\)\n$`).MatchString(said) || status != 0 {
		t.Errorf("sync says %q and ends with %d", said, status)
	}
	second := commit("2")
	// The first question may have been answered by the poll at the start; its own poll can then
	// be the one that finds the second commit.
	if said, status = c.exec("git-poller sync"); !regexp.MustCompile(`^`+second+` \((un)?changed, polled in `).MatchString(said) || status != 0 {
		t.Errorf("sync after a push says %q and ends with %d", said, status)
	}
	if got := <-heard; got != "POST "+second {
		t.Errorf("the app was told %q first, want of the second commit", got)
	}
	var s gitstatus.Status
	for { // the app may hear before the helper has its answer
		said, status = c.exec("git-poller status -o json")
		if err := json.Unmarshal([]byte(said), &s); err != nil || status != 0 {
			t.Fatalf("status says %q (%v) and ends with %d", said, err, status)
		}
		if !s.Notify[0].Pending {
			break
		}
	}
	age, known := s.Age()
	got := []any{s.Repo, s.Ref, s.PeriodSeconds, s.Commit, s.Files, s.Bytes, strings.TrimPrefix(s.LastPoll.Result, "un"), s.LastPoll.Commit, s.Ended - s.Begun, s.Failures, s.LastError == nil, s.Notify[0].Target, s.Notify[0].Told, known, age >= 0, s.NextPoll.After(s.Time)}
	want := []any{url, "main", 86400.0, second, 1, int64(1), "changed", second, 0, 0, true, "POST " + app.URL + "/reload", second, true, true, true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the status (-want +got):\n%s", diff)
	}
	said, _ = c.exec("git-poller status")
	for _, line := range []string{"repository:   " + url + ", ref main\n", "published:    " + second + " (files: 1, bytes: 1)\n", "last success: ", "next poll:    in 2", "app:          POST " + app.URL + "/reload notified of " + second} {
		if !strings.Contains(said, line) {
			t.Errorf("the status has no %q:\n%s", line, said)
		}
	}
}

func TestAPollThatFailsIsSaidToWhoeverAskedForIt(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	c := newContainer(t)
	c.polls("--repo=" + server.URL + "/a.git")
	said, status := c.sync("")
	if !strings.Contains(said, "pillion-helper git-poller sync: the poll failed (NoSuchRepo): "+server.URL+"/a.git: ") || !strings.HasSuffix(said, "; still published: nothing\n") || status != exitFailed {
		t.Errorf("sync says %q and ends with %d", said, status)
	}
	said, status = c.exec("git-poller status")
	if !strings.Contains(said, "\nlast success: none since the helper started ") || !strings.Contains(said, "\nlast error:   NoSuchRepo: ") || status != 0 {
		t.Errorf("status says %q and ends with %d", said, status)
	}
}

// A server that hangs holds up the poll, and the caller gets a sentence.
func TestAPollThatDoesNotEndIsSaidNotToHaveEnded(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-done }))
	defer server.Close()
	defer close(done)
	c := newContainer(t)
	c.polls("--repo=" + server.URL + "/a.git")
	said, status := c.sync("--timeout=100ms")
	if !strings.Contains(said, "see git-poller status") || status != exitFailed {
		t.Errorf("sync says %q and ends with %d", said, status)
	}
	for { // until the poll has begun
		if said, _ = c.exec("git-poller status"); strings.Contains(said, "next poll:    under way\n") {
			break
		}
	}
}

// A container that shares the process namespace finds only a poller of its own.
func TestThePollerOfAnotherContainerIsNotFound(t *testing.T) {
	t.Parallel()
	c, other := newContainer(t), newContainer(t)
	c.polls("--repo=http://127.0.0.1:1/a.git --period=24h")
	c.sync("")
	for _, verb := range []string{"sync", "status"} {
		if said, status := other.exec("git-poller " + verb); !notFound(said, verb) || status != exitFailed {
			t.Errorf("%s says %q and ends with %d", verb, said, status)
		}
	}
}
