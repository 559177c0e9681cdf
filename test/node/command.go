// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pillion-dev/pillion/test/node/outside"
)

// commandGrace is how long COMMAND may take to end after it was told to.
const commandGrace = 20 * time.Second

// runCommand is the verb "run".
func runCommand(ctx context.Context, in invocation) (code int, err error) {
	if _, err := exec.LookPath(in.args[0]); err != nil {
		return 127, fmt.Errorf("run: %w", err)
	}
	node, err := outside.Start(ctx, in.options())
	if err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := node.Stop(); stopErr != nil {
			code, err = 1, errors.Join(err, stopErr)
		}
	}()
	control, err := serve(node.ID, func() {})
	if err != nil {
		return 1, err
	}
	defer control.Close()
	control.set(statusOf(node))

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { cancel(node.Wait(ctx)) }()
	code, err = execute(ctx, command(node, in.args))
	if ctx.Err() != nil {
		return max(code, 1), errors.Join(err, fmt.Errorf("the command was stopped: %w", context.Cause(ctx)))
	}
	return code, err
}

// command has standard streams of ours, and a group of its own: at a terminal
// the one that Ctrl-C is for, elsewhere one that we signal.
func command(node *outside.Node, args []string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...) //nolint:noctx // execute sees to its end
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(),
		"KUBECONFIG="+node.Kubeconfig(), "E2E_KUBECONFIG="+node.Kubeconfig(),
		"E2E_KUBECONFIGS="+strings.Join(node.Kubeconfigs(), ":"),
		nodeVariable+"="+node.ID,
		"PATH="+os.Getenv("PATH")+":"+node.Binaries,
	)
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	if _, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS); err == nil {
		cmd.SysProcAttr.Foreground = true // Ctty is standard input, 0
	}
	return cmd
}

// execute runs cmd to its end and returns its exit code as a shell would. When
// ctx ends, cmd has to end too. Nothing of its group survives it.
func execute(ctx context.Context, cmd *exec.Cmd) (int, error) {
	// Its Pdeathsig is for the end of the thread that starts it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return 126, err
	}
	group := -cmd.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		_ = unix.Kill(group, unix.SIGTERM)
		select {
		case err = <-ended:
		case <-time.After(commandGrace):
			_ = unix.Kill(group, unix.SIGKILL)
			err = <-ended
		}
	}
	_ = unix.Kill(group, unix.SIGKILL)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal()), nil
		}
		return exit.ExitCode(), nil
	}
	return 0, err
}
