// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// wrapped is an app behind the wrapper, as a container runtime has it: a process.
type wrapped struct {
	testing.TB

	cmd    *exec.Cmd
	stdin  io.WriteCloser // closing it ends an app that reads
	stdout *bufio.Reader
	stderr *bufio.Reader
	log    string // the termination log
}

// start starts the wrapper with flags and, behind --, a command.
func start(t testing.TB, helper string, flags ...string) *wrapped {
	t.Helper()
	w := prepare(t, helper, flags...)
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return w
}

func prepare(t testing.TB, helper string, flags ...string) *wrapped {
	t.Helper()
	log := filepath.Join(t.TempDir(), "termination-log")
	if err := os.WriteFile(log, []byte("of the last start"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &wrapped{TB: t, log: log, cmd: exec.CommandContext(t.Context(), helper, append([]string{"run", "--termination-log=" + log}, flags...)...)}
	var errs [3]error
	var stdout, stderr io.Reader
	w.stdin, errs[0] = w.cmd.StdinPipe()
	stdout, errs[1] = w.cmd.StdoutPipe()
	stderr, errs[2] = w.cmd.StderrPipe()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(5*time.Minute, func() { _ = w.cmd.Process.Kill() }) // a test should fail, and not hang
	t.Cleanup(func() { guard.Stop() })
	w.stdout, w.stderr = bufio.NewReader(stdout), bufio.NewReader(stderr)
	return w
}

// hears reads a line of the process and fails unless it begins with prefix.
func (w *wrapped) hears(from *bufio.Reader, prefix string) {
	w.Helper()
	if line, err := from.ReadString('\n'); !strings.HasPrefix(line, prefix) {
		w.Fatalf("the process says %q (%v), want %q", line, err, prefix)
	}
}

// ends waits for the process and fails unless it says no more than stderr, and ends
// like that.
func (w *wrapped) ends(status syscall.WaitStatus, stderr string) {
	w.Helper()
	rest, err := io.ReadAll(w.stderr)
	if err != nil {
		w.Fatal(err)
	}
	if string(rest) != stderr {
		w.Errorf("the process says %q, want %q", rest, stderr)
	}
	err = w.cmd.Wait()
	if got := w.cmd.ProcessState.Sys().(syscall.WaitStatus); got != status {
		w.Errorf("the process ended with %#x (%v), want %#x", got, err, status)
	}
}

// logs fails unless the termination log has the text.
func (w *wrapped) logs(want string) {
	w.Helper()
	if got, err := os.ReadFile(w.log); string(got) != want {
		w.Errorf("the termination log is %q (%v), want %q", got, err, want)
	}
}

// exited is the status of a process that has called exit.
func exited(code int) syscall.WaitStatus { return syscall.WaitStatus(code << 8) }

func TestAnAppStartsWhenItsConditionHolds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "ready")
	w := start(t, helperIn(t, dir), "--wait=file:"+dir, "--wait=file:"+file, "--timeout=1m", "--", "sh", "-c", "echo $$; exit 7")
	w.hears(w.stderr, "pillion: sh waits for file:"+dir+", file:"+file+" (up to 1m0s): file:"+file+": does not exist\n")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.hears(w.stderr, "pillion: sh starts after ")
	pid, err := w.stdout.ReadString('\n')
	if want := w.cmd.Process.Pid; err != nil || pid != strconv.Itoa(want)+"\n" {
		t.Errorf("the app's process ID is %q (%v), want the wrapper's %d", pid, err, want)
	}
	w.ends(exited(7), "")
	w.logs("of the last start")
}

func TestAnAppThatNeedNotWaitSaysNothingMore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, helperIn(t, dir), "--wait=file:"+dir, "--", "sh", "-c", "kill -TERM $$")
	w.ends(syscall.WaitStatus(syscall.SIGTERM), "") // killed, as an app is that does not handle it
}

func TestWaitingHasAnEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, helperIn(t, dir), "--wait=tcp:127.0.0.1:1", "--timeout=2s", "--", "sh", "-c", "echo started")
	w.hears(w.stderr, "pillion: sh waits for tcp:127.0.0.1:1 (up to 2s): tcp:127.0.0.1:1: connection refused\n")
	const sentence = "sh was not started: after 2s still tcp:127.0.0.1:1: connection refused\n"
	w.ends(exited(75), "pillion: "+sentence)
	w.logs(sentence)
}

// Somebody who accepts and never answers: the wait ends in the middle of the first
// attempt, which has one second.
func TestWaitingEndsWithinAnAttempt(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	condition := "http:" + listener.Addr().String() + "/"
	w := start(t, helperIn(t, t.TempDir()), "--wait="+condition, "--timeout=100ms", "--", "true")
	w.hears(w.stderr, "pillion: true waits for ")
	w.ends(exited(75), "pillion: true was not started: after 100ms still "+condition+": no answer yet\n")
}

func TestAStopEndsTheWait(t *testing.T) {
	t.Parallel()
	for _, stop := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		for _, first := range []bool{false, true} {
			dir := t.TempDir()
			w := prepare(t, helperIn(t, dir), "--wait=file:"+dir+"/no", "--", "true")
			if first { // of a process ID namespace, as in a container
				w.cmd.SysProcAttr = &syscall.SysProcAttr{
					Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID,
					UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
				}
			}
			if err := w.cmd.Start(); errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
				t.Skip("this machine lets nobody make user namespaces:", err)
			} else if err != nil {
				t.Fatal(err)
			}
			w.hears(w.stderr, "pillion: true waits for ")
			w.send(syscall.SIGHUP) // an app that has not started has nothing to reload
			w.send(syscall.SIGUSR1)
			w.send(stop)
			w.ends(exited(128+int(stop)), "pillion: stopped by "+stop.String()+" before true started\n")
		}
	}
}

func (w *wrapped) send(s syscall.Signal) {
	w.Helper()
	if err := w.cmd.Process.Signal(s); err != nil {
		w.Fatal(err)
	}
}

// Signals come at any time. None may get lost between waiting and the app, which
// here handles none, so that each start must end by one of the two.
func TestNoStopIsLostWhileTheAppStarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	helper := helperIn(t, dir)
	before, within := 0, 0
	for i := range 60 {
		file := filepath.Join(dir, strconv.Itoa(i))
		w := start(t, helper, "--wait=file:"+file, "--", "cat") // which runs until it is stopped
		w.hears(w.stderr, "pillion: cat waits for ")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i) * 500 * time.Microsecond) // the longest pause at this time is some 15 ms
		w.send(syscall.SIGTERM)
		_, _ = io.Copy(io.Discard, w.stderr)
		_ = w.cmd.Wait()
		switch got := w.cmd.ProcessState.Sys().(syscall.WaitStatus); got {
		case exited(128 + int(syscall.SIGTERM)):
			before++
		case syscall.WaitStatus(syscall.SIGTERM):
			within++
		default:
			t.Errorf("start %d ended with %#x", i, got)
		}
	}
	t.Logf("%d stopped while waiting, %d later", before, within)
}

func TestContainersWaitForEachOther(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	helper := filepath.Join(dir, "bin", "pillion-helper")
	if err := errors.Join(os.Mkdir(filepath.Dir(helper), 0o700), os.Mkdir(filepath.Join(dir, "state"), 0o700)); err != nil {
		t.Fatal(err)
	}
	install(t, helper)
	state := "--state=" + filepath.Join(dir, "state")

	after := start(t, helper, "--wait=exited:first", "--name=after", state, "--", "true")
	after.hears(after.stderr, "pillion: true waits for exited:first (up to 5m0s): exited:first: has not started\n")
	beside := start(t, helper, "--wait=started:first", "--name=beside", state, "--", "true")
	beside.hears(beside.stderr, "pillion: true waits for started:first (up to 5m0s): started:first: has not started\n")

	first := start(t, helper, "--name=first", state, "--", "sh", "-c", "cat; echo done") // with a child
	beside.hears(beside.stderr, "pillion: true starts after ")
	beside.ends(0, "")

	late := start(t, helper, "--wait=exited:first", "--timeout=10ms", state, "--name=late", "--", "true")
	late.hears(late.stderr, "pillion: true waits for exited:first (up to 10ms): exited:first: is running\n")
	late.ends(exited(75), "pillion: true was not started: after 10ms still exited:first: is running\n")

	first.stdin.Close()
	first.hears(first.stdout, "done")
	first.ends(0, "")
	after.hears(after.stderr, "pillion: true starts after ")
	after.ends(0, "")

	// The pod's sandbox is recreated, and so is the helper; the directory is kept.
	install(t, helper)
	stale := start(t, helper, "--wait=started:first", "--timeout=10ms", state, "--name=stale", "--", "true")
	stale.hears(stale.stderr, "pillion: true waits for started:first (up to 10ms): started:first: has not started\n")
	stale.ends(exited(75), "pillion: true was not started: after 10ms still started:first: has not started\n")
}

func TestACommandThatCannotRunHasNotStarted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writing(func() {
		if err := os.WriteFile(filepath.Join(dir, "plain"), []byte("x"), 0o700); err != nil { //nolint:gosec // a program, or nearly
			t.Fatal(err)
		}
	})
	w := start(t, helperIn(t, dir), "--name=web", "--state="+dir, "--", dir+"/plain")
	w.ends(exited(126), `pillion: the command "`+dir+`/plain" cannot be executed: exec format error`+"\n")
	if _, err := os.Stat(filepath.Join(dir, "web")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("others are told that it has started: %v", err)
	}
	absent := start(t, helperIn(t, t.TempDir()), "--name=web", "--state="+dir+"/no", "--", "true")
	absent.ends(exited(125), "pillion: the start of web cannot be recorded for other containers: open "+dir+"/no/web: no such file or directory\n")
}
