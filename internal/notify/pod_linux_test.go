// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const podUID = "5a0f1c2e-6f5b-4c7a-9a55-1f2e3d4c5b6a"

// TestMain is the first process of a container, or a helper in one, if the test that
// starts it says so.
func TestMain(m *testing.M) {
	switch os.Getenv("NOTIFY_TEST") {
	case "container":
		fmt.Fprintln(os.Stderr, becomeContainer())
		os.Exit(1)
	case "tell":
		s, err := NewSignal(os.Args[1])
		if err == nil {
			err = s.Tell(context.Background(), "abc")
		}
		fmt.Println(text(err))
		os.Exit(0)
	}
	// Of a signal that is ignored, as under nohup, no shell could catch it: children take that along.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(m.Run())
}

// becomeContainer does what a container runtime does for the kubelet, as far as it
// matters here: a mount namespace of the container's own (the test has made it) with the
// processes of its process namespace and the file for the termination message.
func becomeContainer() error {
	log, at, user := os.Args[1], os.Args[2], os.Args[3]
	err := errors.Join(
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("proc", "/proc", "proc", 0, ""),
	)
	if log != "" {
		err = errors.Join(err, unix.Mount(log, at, "", unix.MS_BIND, ""))
	}
	id, bad := strconv.Atoi(user)
	if err = errors.Join(err, bad); err == nil && id != 0 {
		err = errors.Join(syscall.Setgroups(nil), syscall.Setgid(id), syscall.Setuid(id))
	}
	if err != nil {
		return err
	}
	path, err := exec.LookPath(os.Args[4])
	if err != nil {
		return err
	}
	return syscall.Exec(path, os.Args[4:], []string{"PATH=" + os.Getenv("PATH"), "NOTIFY_TEST=" + os.Getenv("NOTIFY_NEXT")})
}

// pod is a process namespace that several containers share, with the kubelet's files.
type pod struct {
	testing.TB

	dir    string
	self   string   // this program, where every user can execute it
	shared *os.File // the process namespace
}

func newPod(t *testing.T) *pod {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make mount and process namespaces")
	}
	dir, err := os.MkdirTemp("", "notify-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &pod{TB: t, dir: dir, self: filepath.Join(dir, "self")}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	syscall.ForkLock.RLock() // nobody may inherit the descriptor, or the program is busy
	defer syscall.ForkLock.RUnlock()
	err = errors.Join(err, os.Chmod(dir, 0o755), os.WriteFile(p.self, program, 0o755)) //nolint:gosec // a program, for other users as well
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// begin starts the pod's sandbox, number 1 of the namespace, with which all others end.
func (p *pod) begin() *pod {
	p.Helper()
	sandbox := p.command("", 0, []string{"cat"})
	sandbox.SysProcAttr.Cloneflags |= syscall.CLONE_NEWPID
	sandbox.SysProcAttr.Pdeathsig = syscall.SIGKILL // of the thread, which started keeps
	p.started(sandbox, false)
	var err error
	if p.shared, err = os.Open(fmt.Sprintf("/proc/%d/ns/pid", sandbox.Process.Pid)); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { p.shared.Close() })
	return p
}

// command is a program in a container of that name; "" for one without a termination log.
func (p *pod) command(container string, user int, program []string) *exec.Cmd {
	p.Helper()
	log, at := "", filepath.Join(p.dir, "termination-log")
	if container != "" {
		log = filepath.Join(p.dir, "pods", podUID, "containers", container, "0a1b2c3d")
		err := errors.Join(os.MkdirAll(filepath.Dir(log), 0o755), os.WriteFile(log, nil, 0o666), os.WriteFile(at, nil, 0o666)) //nolint:gosec // as the kubelet makes them
		if err != nil {
			p.Fatal(err)
		}
	}
	cmd := exec.Command(p.self, append([]string{log, at, strconv.Itoa(user)}, program...)...)
	cmd.Env = append(os.Environ(), "NOTIFY_TEST=container")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	return cmd
}

// started starts a program, inside the pod's process namespace or where the test is. It
// ends with the test, and its output can be read.
func (p *pod) started(cmd *exec.Cmd, inside bool) *inPod {
	p.Helper()
	var errs [3]error
	stdin, err := cmd.StdinPipe() // an app that reads lives until it is closed
	var stdout io.Reader
	stdout, errs[0] = cmd.StdoutPipe()
	errs[1] = err
	started := make(chan error)
	// The thread that has moved is not used again: the goroutine ends with it locked. It
	// must not end before a process that is killed with its parent thread.
	ended := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		var err error
		if inside {
			err = unix.Setns(int(p.shared.Fd()), unix.CLONE_NEWPID)
		}
		if err == nil {
			err = cmd.Start()
		}
		started <- err
		<-ended
	}()
	errs[2] = <-started
	if err := errors.Join(errs[:]...); err != nil {
		close(ended)
		if errors.Is(err, syscall.EPERM) {
			p.Skip("this machine lets nobody make namespaces:", err)
		}
		p.Fatal(err)
	}
	p.Cleanup(func() {
		stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		close(ended)
	})
	guard := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() }) // a test should fail, and not hang
	p.Cleanup(func() { guard.Stop() })
	return &inPod{pod: p, cmd: cmd, stdout: bufio.NewReader(stdout)}
}

// runs starts a shell script in a container and waits until it says "up".
func (p *pod) runs(container string, user int, script string) *inPod {
	p.Helper()
	r := p.started(p.command(container, user, []string{"sh", "-c", script}), true)
	r.says("up\n")
	return r
}

// tells has a helper in a container of its own send a signal, and returns its error.
func (p *pod) tells(signal string, user int, inside bool) string {
	p.Helper()
	cmd := p.command("pillion-git-poller", user, []string{p.self, signal})
	cmd.Env = append(cmd.Env, "NOTIFY_NEXT=tell")
	if !inside {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWPID
	}
	said, err := p.started(cmd, inside).stdout.ReadString('\n')
	if err != nil {
		p.Fatalf("the helper says %q (%v)", said, err)
	}
	return strings.TrimSuffix(said, "\n")
}

type inPod struct {
	*pod

	cmd    *exec.Cmd
	stdout *bufio.Reader
}

// says reads a line and fails unless it is the wanted one.
func (r *inPod) says(want string) {
	r.Helper()
	if got, err := r.stdout.ReadString('\n'); got != want {
		r.Fatalf("the container says %q (%v), want %q", got, err, want)
	}
}

// A program that says its name at each HUP and USR1, until it is killed.
func handler(name string) string {
	return "trap 'echo " + name + " HUP' HUP; trap 'echo " + name + " USR1' USR1; "
}

const (
	idle    = "while :; do read x || sleep 1; done"
	forever = "echo up; " + idle
)

func TestAContainerIsToldByASignal(t *testing.T) {
	t.Parallel()
	p := newPod(t).begin()
	web := p.runs("web", 0, handler("master")+`sh -c "`+handler("worker")+`echo up; while :; do sleep 1; done" & `+idle)
	api := p.runs("api", 0, handler("api")+forever)
	for range 3 {
		if got := p.tells("HUP:web", 0, true); got != "" {
			t.Fatal(got)
		}
		web.says("master HUP\n")
	}
	if got := p.tells("USR1:api", 0, true); got != "" {
		t.Fatal(got)
	}
	api.says("api USR1\n") // and nothing before
	if got := p.tells("USR1:web", 0, true); got != "" {
		t.Fatal(got)
	}
	web.says("master USR1\n")
}

func TestWhoeverCannotBeToldIsLeftAloneAndSaidWhy(t *testing.T) {
	t.Parallel()
	p := newPod(t).begin()
	plain := p.runs("plain", 0, forever)
	p.runs("other", 65533, handler("other")+forever)
	name := func(container string) string { return `container "` + container + `"` }
	for what, tc := range map[string]struct {
		signal string
		user   int
		inside bool
		want   string // the beginning
	}{
		"nobody handles it": {"HUP:plain", 0, true, "no process of " + name("plain") + " handles SIGHUP, which ends a program that does not; running there: sh ("},
		"another user":      {"HUP:other", 65532, true, "process "},
		"no such container": {"HUP:nginx", 65532, true, "no process of " + name("nginx") + " is running; there are processes of other, pillion-git-poller, plain"},
		"a namespace of its own": {
			"HUP:plain", 0, false,
			`no process of another container can be seen: the pod does not share its process namespace; set the annotation ipc.pillion.dev/process: "true"`,
		},
	} {
		got := p.tells(tc.signal, tc.user, tc.inside)
		if !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: got the error\n%q, want\n%q", what, got, tc.want)
		}
		if user := "runs as user 65533 and this helper as user 65532, and only the same user may send it a signal"; what == "another user" && !strings.Contains(got, user) {
			t.Errorf("%s: got the error\n%q, want it to say %q", what, got, user)
		}
	}
	if err := plain.cmd.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the program that does not handle the signal: %v", err)
	}
}

// A helper of the app's user needs no right of its own for it.
func TestTheSameUserIsEnough(t *testing.T) {
	t.Parallel()
	p := newPod(t).begin()
	web := p.runs("web", 65532, handler("web")+forever)
	if got := p.tells("HUP:web", 65532, true); got != "" {
		t.Fatal(got)
	}
	web.says("web HUP\n")
}

// TERM is for programs that should end, whether they handle it or not.
func TestAProgramThatShouldEndEnds(t *testing.T) {
	t.Parallel()
	p := newPod(t).begin()
	plain := p.runs("plain", 0, forever)
	shell := p.runs("plain", 0, handler("exec")+forever) // as kubectl exec starts it
	if got := p.tells("TERM:plain", 0, true); got != "" {
		t.Fatal(got)
	}
	state, err := plain.cmd.Process.Wait()
	if err != nil || state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("the program ended with %v (%v), want SIGTERM", state, err)
	}
	if err := shell.cmd.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("kubectl exec's shell: %v", err)
	}
}
