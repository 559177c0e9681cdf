// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package inside is what happens in a node's own namespaces. [Init] is the first
// process there: it arranges mounts and network, buries orphans, and leaves
// nothing behind. [Pieces] is its child and runs everything else.
package inside

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/pillion-dev/pillion/test/node/config"
	"github.com/pillion-dev/pillion/test/node/leftover"
)

// Files that [Init] inherits. Its standard input is the lifeline: it is at its
// end when the process outside is gone or wants the node gone.
const (
	lockFile      = 3 + iota // held locked for as long as there is anything to remove
	hostNamespace            // the mount namespace in which removal happens
)

// Begin is what process 1 reads from its lifeline before it does anything.
const Begin = "begin\n"

// Init is process 1 of the node in dir. It starts `self pieces dir`, whose
// standard output, a stream of [Message], is its own. When the lifeline ends,
// every process in the node is killed and, by the first node of a cluster, every
// trace on the machine removed.
func Init(dir string) error {
	var n config.Node
	if _, err := io.ReadFull(os.Stdin, make([]byte, len(Begin))); err == nil {
		if n, err = config.Load(dir); err == nil {
			err = begin(n)
		}
		if err != nil {
			Report(os.Stdout, Message{Error: err.Error()})
		}
		os.Stdout.Close() // the pieces have it; if they end, the reader has to know
		bury(os.Stdin)
	}
	if n.Number > 1 {
		return nil
	}
	return leave(dir)
}

func begin(n config.Node) error {
	if err := prepare(n); err != nil {
		return err
	}
	cmd := exec.Command("/proc/self/exe", "pieces", n.Dir) //nolint:noctx // the node's end is a signal to all
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Start()
}

func prepare(n config.Node) error {
	if err := unix.Sethostname([]byte(n.Name())); err != nil {
		return fmt.Errorf("the host name cannot be set: %w", err)
	}
	if err := mounts(n); err != nil {
		return err
	}
	return network(n)
}

// bury waits for children of others, and returns when the lifeline has ended and
// nothing runs in the node any more.
func bury(lifeline io.Reader) {
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, lifeline)
		_ = unix.Kill(-1, unix.SIGKILL) // all but ourselves, in our PID namespace only
		close(ended)
	}()
	for {
		_, err := unix.Wait4(-1, nil, 0, nil)
		if err != nil && !errors.Is(err, unix.EINTR) { // there is no child
			<-ended
			return
		}
	}
}

// leave removes the node's directory and cgroups as the machine sees them:
// here, other things are mounted below.
func leave(dir string) error {
	runtime.LockOSThread() // never unlocked: the thread is of no use to others
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("a way back to the machine's mounts: %w", err)
	}
	if err := unix.Setns(hostNamespace, unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("back to the machine's mounts: %w", err)
	}
	return leftover.Remove(dir)
}
