// SPDX-License-Identifier: Apache-2.0

//go:build linux

package inside

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"github.com/pillion-dev/pillion/test/node/config"
)

// startOthers starts the other nodes of a cluster, if this is its first. The conditions
// are that they are ready.
func (r *runner) startOthers() (all []condition, err error) {
	if r.node.Number > 1 {
		return nil, nil
	}
	for _, other := range r.node.All()[1:] {
		ready, err := r.startOther(other)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be started: %w", other.Name(), err)
		}
		all = append(all, condition{other.Name(), ready})
	}
	return all, nil
}

// startOther starts this program as the first process of namespaces inside ours: the end of
// our node is that of the other as well, and killing that one process is how a machine loses
// its power. The function that is returned says when the node is ready.
func (r *runner) startOther(n config.Node) (func(context.Context) error, error) {
	log, err := os.Create(r.node.Log(n.Name()))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command("/proc/self/exe", "init", n.Dir) //nolint:noctx // it runs until the node ends
	cmd.Stderr = log
	cmd.SysProcAttr = &unix.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
	}
	lifeline, err1 := cmd.StdinPipe()
	messages, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if err := plugIn(n, cmd.Process.Pid); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(lifeline, Begin); err != nil {
		return nil, err
	}
	ready := make(chan struct{})
	go func() {
		failure := r.relay(n, messages, ready)
		if failure != nil {
			r.ended <- end{err: failure}
		}
		_ = cmd.Wait() // its result is in cmd.ProcessState too
		r.ended <- end{state: cmd.ProcessState, err: fmt.Errorf("%s has ended: %s%s", n.Name(), cmd.ProcessState, LastLines(log.Name()))}
	}()
	return func(ctx context.Context) error {
		select {
		case <-ready:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready", n.Name())
		}
	}, nil
}

// relay passes on what another node says until it ends. An error is what made it fail.
func (r *runner) relay(n config.Node, messages io.Reader, ready chan<- struct{}) error {
	for lines := json.NewDecoder(messages); ; {
		var m Message
		if err := lines.Decode(&m); err != nil {
			return nil // it has ended
		}
		switch {
		case m.Error != "":
			return fmt.Errorf("%s: %s", n.Name(), m.Error)
		case m.Ready:
			close(ready)
		default:
			Report(r.out, Message{Progress: n.Name() + ": " + m.Progress})
		}
	}
}
