// SPDX-License-Identifier: Apache-2.0

package poller

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shapes are the repositories of the table.
var shapes = []shape{
	{name: "1 MB", blobs: 10, blobSize: 80 << 10, texts: 200, lines: 50},
	{name: "50 MB", blobs: 12, blobSize: 3 << 20, texts: 500, lines: 1_000},
	{name: "300 MB", blobs: 100, blobSize: 2 << 20, texts: 300, lines: 10_000},
	{name: "20,000 files", blobs: 1, blobSize: 1 << 20, texts: 20_000, lines: 50},
	{name: "100,000 refs", blobs: 1, blobSize: 1 << 10, texts: 10, lines: 50, refs: 100_000},
}

// row is what one tool took with one repository.
type row struct {
	poll, first, update cost
	polls               float64
	peak                peaks
	idle                int64
	anonymous           int64         // of idle
	took                time.Duration // from the push to the page
}

type cost struct {
	cpu    time.Duration
	server stats
}

// TestMeasure prints a table for docs/performance.md.
//
//	POLLER_MEASURE=1 go test -count=1 -v -run TestMeasure -timeout 30m ./test/poller
//
// POLLER_MEASURE may also be the name of one repository of the table.
func TestMeasure(t *testing.T) {
	only := os.Getenv("POLLER_MEASURE")
	if only == "" {
		t.Skip("POLLER_MEASURE is not set")
	}
	helper := filepath.Join(t.TempDir(), "pillion-helper")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", helper, "../../cmd/helper")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	fmt.Println("| repository | tool | poll, CPU ms | bytes | requests | server CPU ms | first sync, CPU ms | bytes | server CPU ms | peak MB (shared pages once; largest process) | idle MB (anonymous) | update, bytes | CPU ms | server CPU ms | push to page, s |")
	fmt.Println("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, s := range shapes {
		if only != "1" && only != s.name {
			continue
		}
		root := t.TempDir()
		m := measurement{t: t, repo: newRepo(t, root, s), server: startServer(t, root), helper: helper}
		for range 2 { // the second has the server's files in memory
			m.print(s.name, "git-poller", m.poller())
			m.print(s.name, "git", m.git())
		}
	}
}

type measurement struct {
	t      *testing.T
	repo   repo
	server server
	helper string
}

const polls = 10

func (m measurement) print(repository, tool string, r row) {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.0f", float64(d)/1e6) }
	mb := func(n int64) string { return fmt.Sprintf("%.0f", float64(n)/1e6) }
	fmt.Printf("| %s | %s | %.1f | %.0f | %.1f | %.0f | %s | %d | %s | %s (%s; %s) | %s (%s) | %d | %s | %s | %.1f |\n", repository, tool,
		float64(r.poll.cpu)/1e6/r.polls, float64(r.poll.server.Bytes)/r.polls, float64(r.poll.server.Requests)/r.polls, float64(r.poll.server.CPU)/1e6/r.polls,
		ms(r.first.cpu), r.first.server.Bytes, ms(r.first.server.CPU), mb(r.peak.sum), mb(r.peak.shared), mb(r.peak.largest), mb(r.idle), mb(r.anonymous),
		r.update.server.Bytes, ms(r.update.cpu), ms(r.update.server.CPU), r.took.Seconds())
}

// until waits for something to become true.
func (m measurement) until(what string, every time.Duration, ready func() bool) {
	m.t.Helper()
	for end := time.Now().Add(5 * time.Minute); !ready(); time.Sleep(every) {
		if time.Now().After(end) {
			m.t.Fatalf("it took more than five minutes until %s", what)
		}
	}
}

// poller measures git-poller with a period of a second.
func (m measurement) poller() (r row) {
	dir := m.t.TempDir()
	before := m.server.stats(m.t)
	cmd := exec.CommandContext(m.t.Context(), m.helper, "git-poller", "--root="+dir, "--repo="+m.server.url+"/site.git", "--ref=main",
		"--ca-file="+m.server.ca, "--period=1s", "--max-size=2Gi")
	cmd.Env = []string{}
	if os.Getenv("POLLER_LOG") != "" {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	pid := cmd.Process.Pid
	peak := watchPeak(pid)
	shows := func(line string) func() bool {
		return func() bool {
			text, _ := os.ReadFile(filepath.Join(dir, "index.html"))
			return strings.TrimSpace(string(text)) == line
		}
	}
	m.until("the first commit was published", 5*time.Millisecond, shows(m.line()))
	time.Sleep(100 * time.Millisecond) // it tells of it, and the child ends
	r.first = cost{cpu(pid), m.server.stats(m.t).since(before)}

	// The next poll connects; those after it are like all others.
	before = m.server.stats(m.t)
	m.until("it polled again", 500*time.Millisecond, func() bool { return m.server.stats(m.t).Requests > before.Requests+1 })
	before, spent := m.server.stats(m.t), cpu(pid)
	m.until("it polled some times", 500*time.Millisecond, func() bool { return m.server.stats(m.t).Requests >= before.Requests+polls })
	time.Sleep(100 * time.Millisecond)
	r.poll = cost{cpu(pid) - spent, m.server.stats(m.t).since(before)}
	r.polls = float64(r.poll.server.Requests) // one each, as the connection is kept
	r.idle, r.anonymous = rss(pid), anonymous(pid)

	before, spent = m.server.stats(m.t), cpu(pid)
	line := fmt.Sprint(time.Now().UnixNano())
	m.repo.push(line)
	pushed := time.Now()
	m.until("the update was published", 5*time.Millisecond, shows(line))
	r.took = time.Since(pushed)
	bytes := m.server.stats(m.t)
	time.Sleep(200 * time.Millisecond)
	r.update = cost{cpu(pid) - spent, bytes.since(before)}
	r.peak = peak()
	return r
}

func (m measurement) line() string { return m.repo.git(nil, "show", "main:index.html") }

// git measures what git itself takes for what a poller does with it: ls-remote, and
// fetch with a checkout of its own for each commit.
func (m measurement) git() (r row) {
	dir := m.t.TempDir()
	run := func(args ...string) (spent time.Duration) {
		cmd := exec.CommandContext(m.t.Context(), "git", args...)
		cmd.Dir, cmd.Env = dir, append(gitEnv(), "GIT_SSL_CAINFO="+m.server.ca)
		out := new(strings.Builder)
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			m.t.Fatal(err)
		}
		peak := watchPeak(cmd.Process.Pid)
		if err := cmd.Wait(); err != nil {
			m.t.Fatalf("git %q: %v\n%s", args, err, out)
		}
		r.peak.see(peak())
		return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	url := m.server.url + "/site.git"
	look := func() time.Duration { return run("ls-remote", "--quiet", url, "refs/heads/main") }
	take := func(into string) time.Duration {
		return run("fetch", "--quiet", "--depth=1", "--no-auto-gc", url, "+refs/heads/main:refs/poll/main") +
			run("worktree", "add", "--quiet", "--detach", into, "refs/poll/main")
	}
	before := m.server.stats(m.t)
	r.first.cpu = run("init", "--quiet", "--bare") + look() + take("first")
	r.first.server = m.server.stats(m.t).since(before)
	before = m.server.stats(m.t)
	for range polls {
		r.poll.cpu += look()
	}
	r.polls = polls
	r.poll.server = m.server.stats(m.t).since(before)
	m.repo.push(fmt.Sprint(time.Now().UnixNano()))
	before = m.server.stats(m.t)
	pushed := time.Now()
	r.update.cpu = look() + take("second")
	r.took = time.Since(pushed)
	r.update.server = m.server.stats(m.t).since(before)
	return r
}
