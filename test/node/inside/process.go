// SPDX-License-Identifier: Apache-2.0

//go:build linux

package inside

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"

	"github.com/pillion-dev/pillion/test/node/config"
)

// start starts pieces, each with a log of its own.
func (r *runner) start(pieces ...config.Piece) error {
	for _, p := range pieces {
		log, err := os.Create(r.node.Log(p.Name))
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
			r.ended <- fmt.Errorf("%s has ended: %s%s", p.Name, cmd.ProcessState, LastLines(log.Name()))
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
