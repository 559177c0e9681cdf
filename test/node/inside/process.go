// SPDX-License-Identifier: Apache-2.0

//go:build linux

package inside

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/pillion-dev/pillion/test/node/config"
)

// An end is that of a piece, or of another node.
type end struct {
	piece config.Piece     // none for a node
	state *os.ProcessState // nil if a node has failed, but not ended
	err   error
}

// wanted says whether somebody outside has ended it while the node was ready, and what to
// start now. An API server that is told to end does so without an error; it is started
// again, as a kubelet does with those of kubeadm. A node that is killed is not.
func (e end) wanted() (again []config.Piece, ok bool) {
	if e.state == nil {
		return nil, false
	}
	status, isStatus := e.state.Sys().(syscall.WaitStatus)
	switch e.piece.Name {
	case "kube-apiserver":
		return []config.Piece{e.piece}, e.state.Success()
	case "":
		return nil, isStatus && status.Signaled() && status.Signal() == syscall.SIGKILL
	default:
		return nil, false
	}
}

// start starts pieces, each with a log of its own.
func (r *runner) start(pieces ...config.Piece) error {
	for _, p := range pieces {
		log, err := os.OpenFile(r.node.Log(p.Name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		cmd := exec.Command(p.Path, p.Args...) //nolint:noctx // it runs until the node ends
		cmd.Stdout, cmd.Stderr = log, log
		err = cmd.Start()
		log.Close()
		if err != nil {
			return fmt.Errorf("%s cannot be started: %w", p.Name, err)
		}
		go func() {
			_ = cmd.Wait() // its result is in cmd.ProcessState too
			r.ended <- end{p, cmd.ProcessState, fmt.Errorf("%s has ended: %s%s", p.Name, cmd.ProcessState, LastLines(log.Name()))}
		}()
	}
	return nil
}

// LastLines is the end of a log, to be appended to an error.
func LastLines(path string) string {
	const most = 12
	data, err := os.ReadFile(path)
	if err != nil {
		return "\n" + err.Error()
	}
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return "; its log is empty"
	}
	lines := bytes.Split(data, []byte("\n"))
	end := bytes.Join(lines[max(0, len(lines)-most):], []byte("\n"))
	return fmt.Sprintf("\nthe end of its log:\n%s", end)
}
