// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// stopTimeout is how long a process may take to end after SIGTERM: the grace
// period of our Deployment.
const stopTimeout = 2 * time.Minute

// A process is a child whose output goes to a file.
type process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// launch starts a program whose output is appended to the file at log. It runs
// until it is stopped, whatever becomes of ctx.
func launch(ctx context.Context, path, log string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.CommandContext(context.WithoutCancel(ctx), path, args...)
	p := &process{name: filepath.Base(path), log: log, cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = out, out
	// Not in our process group: the terminal's SIGINT is for us to pass on in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = cmd.Wait() // its result is in cmd.ProcessState too
		close(p.done)
	}()
	return p, nil
}

// await calls ready until it returns nil, the process ends, or the time is up.
// An error names the last reason and holds the end of the log.
func (p *process) await(ctx context.Context, ready func(context.Context) error) error {
	err := poll(ctx, func(ctx context.Context) error {
		select {
		case <-p.done:
			return permanent{fmt.Errorf("it ended early: %s", p.cmd.ProcessState)}
		default:
			return ready(ctx)
		}
	})
	if err != nil {
		return errors.Join(fmt.Errorf("%s is not ready: %w", p.name, err), lastLines(p.log))
	}
	return nil
}

// stop ends the process with SIGTERM and, if that does not help, SIGKILL, which
// is an error.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s cannot be stopped: %w", p.name, err)
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTimeout):
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s cannot be killed: %w", p.name, err)
	}
	<-p.done
	return errors.Join(fmt.Errorf("%s was killed: it ran on for %s after SIGTERM", p.name, stopTimeout), lastLines(p.log))
}

// permanent is an error that makes poll give up at once.
type permanent struct{ error }

// poll calls try until it returns nil. If ctx ends first, or the time is up, the
// last error of try is part of the error.
func poll(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("gave up after %s", startTimeout))
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if p, ok := errors.AsType[permanent](err); ok {
			return p.error
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: the last try: %w", context.Cause(ctx), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// lastLines is the end of a log file as an error, for the reader of a failure
// whose files are about to be removed.
func lastLines(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return fmt.Errorf("the end of %s:\n%s", filepath.Base(path), bytes.Join(lines[max(0, len(lines)-20):], []byte("\n")))
}
