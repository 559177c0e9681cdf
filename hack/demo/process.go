// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// patience bounds every wait. A slow machine is no failure.
const patience = 3 * time.Minute

func (d *demo) onClean(undo func() error) { d.cleanups = append(d.cleanups, undo) }

// clean undoes everything, the latest first.
func (d *demo) clean() error {
	var errs []error
	for _, undo := range slices.Backward(d.cleanups) {
		errs = append(errs, undo())
	}
	d.cleanups = nil
	return errors.Join(errs...)
}

func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }

// run prints a command, runs it and prints its output.
func (d *demo) run(ctx context.Context, command ...string) (string, error) {
	d.out.command(command...)
	out, err := d.exec(ctx, command...)
	d.out.text(out)
	if err != nil {
		return out, fmt.Errorf("%s: %w", strings.Join(command, " "), err)
	}
	return out, nil
}

// exec runs a command in the demo's directory and returns what it printed. Programs are found in the
// demo's own bin, then beside the API server, and then where they always are.
func (d *demo) exec(ctx context.Context, command ...string) (string, error) {
	dirs := []string{d.path("bin"), os.Getenv("PATH")}
	kubeconfig := ""
	if d.plane != nil {
		dirs = slices.Insert(dirs, 1, d.plane.Binaries())
		kubeconfig = d.plane.Kubeconfig()
	}
	program, err := find(command[0], dirs)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, program, command[1:]...)
	cmd.Dir = d.dir
	cmd.Env = append(gitEnv(d.dir), "PATH="+strings.Join(dirs, string(filepath.ListSeparator)), "KUBECONFIG="+kubeconfig)
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.String(), err
}

// find is [exec.LookPath] with another PATH than that of this process.
func find(name string, dirs []string) (string, error) {
	for _, dir := range dirs[:len(dirs)-1] {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode()&0o111 != 0 {
			return filepath.Join(dir, name), nil
		}
	}
	return exec.LookPath(name)
}

// build builds a program of the repository into the demo's bin.
func (d *demo) build(ctx context.Context, pkg, name string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", filepath.Join(d.path("bin"), name), pkg)
	cmd.Dir = d.plane.Root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s does not build: %w\n%s", name, err, out)
	}
	return nil
}

// exitCode is that of a command that ended with err, or -1 if it did not end by itself.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return -1
}

// until waits for a condition. An error says what for, and what was wrong last.
func (d *demo) until(ctx context.Context, what string, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("waited %s", patience))
	defer cancel()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if d.helper != nil && d.helper.ended() {
			return fmt.Errorf("%s: git-poller has ended: %s", what, d.helper.lastLines())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w: %w", what, context.Cause(ctx), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// A process is a container's command.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
}

// launch starts a program of bin with no environment, as a container has none of ours. It
// runs until it is stopped, whatever becomes of ctx.
func launch(ctx context.Context, dir, log, bin string, command []string) (*process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(bin, command[0]), command[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, []string{}, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for us, and we stop it in order
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // its result is in cmd.ProcessState too
		close(p.done)
	}()
	return p, nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) lastLines() string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}

// stop stops it as a kubelet does.
func (p *process) stop() error {
	if p.ended() {
		return nil
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it fails if the process has just ended
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // with its children
		<-p.done
		return fmt.Errorf("%s did not end at SIGTERM and was killed", filepath.Base(p.cmd.Path))
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with exit code %d at SIGTERM, not with 0: %s", filepath.Base(p.cmd.Path), code, p.lastLines())
	}
	return nil
}
