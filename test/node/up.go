// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"github.com/pillion-dev/pillion/test/node/outside"
)

// up starts a supervisor that outlives us, and returns when its node is ready.
func up(ctx context.Context, in invocation) error {
	if s, err := ask(ctx, upName, false); err == nil {
		fmt.Print(s.describe())
		return errAlreadyUp
	}
	progress, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer progress.Close()
	cmd := exec.Command("/proc/self/exe", append([]string{"supervise"}, in.flags()...)...) //nolint:noctx // it outlives us
	cmd.Stderr = theirs
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(unix.SIGTERM) })()
	_, _ = io.Copy(os.Stderr, progress) // until it is ready, or has ended
	s, err := ask(ctx, upName, false)
	if err != nil {
		_ = cmd.Wait()
		return errors.New("the node did not come up")
	}
	fmt.Print(s.describe())
	return nil
}

var errAlreadyUp = errors.New(`a node is up already; "down" stops it`)

// supervise is what up leaves running: it keeps a node until it is told to end.
func supervise(ctx context.Context, in invocation) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	control, err := serve(upName, func() { cancel(errors.New(`"down" was asked for`)) })
	if errors.Is(err, unix.EADDRINUSE) {
		return errAlreadyUp
	}
	if err != nil {
		return err
	}
	node, err := outside.Start(ctx, in.options())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Stop()) }()
	control.set(statusOf(node))
	if err := dropStderr(); err != nil {
		return err
	}
	return node.Wait(ctx)
}

// dropStderr tells up that there is no more to come.
func dropStderr() error {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	return unix.Dup3(int(null.Fd()), int(os.Stderr.Fd()), 0)
}

func status(ctx context.Context) error {
	s, err := ask(ctx, upName, false)
	if err == nil {
		fmt.Print(s.describe())
	}
	return err
}

func down(ctx context.Context) error {
	_, err := ask(ctx, upName, true)
	return err
}

// load gives images to the node of "up" or, in a COMMAND of "run", to its own.
func load(ctx context.Context, files []string) error {
	s, err := askReady(ctx)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := outside.Import(ctx, s.Dir, file); err != nil {
			return err
		}
	}
	return nil
}

// fault does harm to a node.
func fault(ctx context.Context, in invocation) error {
	number, err := in.number()
	if err != nil {
		return err
	}
	s, err := askReady(ctx)
	if err != nil {
		return err
	}
	if in.verb == "crash" {
		return outside.Crash(ctx, s.Dir, number)
	}
	return outside.RestartAPIServer(ctx, s.Dir, number)
}

// share lets a node reach an address of this machine until standard input ends. It prints
// the address when the node can.
func share(ctx context.Context, address string) error {
	s, err := askReady(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := outside.Share(ctx, s.Dir, address); err != nil {
		return err
	}
	fmt.Println(address)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	<-ctx.Done()
	return nil
}

// askReady is the status of a node that is up.
func askReady(ctx context.Context) (Status, error) {
	s, err := ask(ctx, nodeName(), false)
	if err == nil && s.PID == 0 {
		err = errors.New("the node is still starting; wait until it is up")
	}
	return s, err
}

// describe says how to use a node.
func (s Status) describe() string {
	if s.PID == 0 {
		return "# The node is starting.\n"
	}
	return fmt.Sprintf(`# The node is up. To use it:
export KUBECONFIG=%s
export PATH="$PATH:%s"   # for kubectl
# To run a command in its network: nsenter --target %d --net -- COMMAND
`, s.Kubeconfig, s.Binaries, s.PID)
}
