// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
)

// process is a child that runs.
type process struct {
	cmd      *exec.Cmd
	stdin    io.WriteCloser
	outcomes *json.Decoder
	stderr   *head
	dir      os.FileInfo // that it works in; nil for none
}

// start starts a child that works in a directory, or in none if that is nil.
func start(path string, dir *os.File) (*process, error) {
	cmd := exec.Command(path, ChildArg) //nolint:noctx // it outlives the poll that starts it
	cmd.Env = []string{}                // it needs nothing from there, and so nothing there can lead it astray
	p := &process{cmd: cmd, stderr: &head{limit: 4 << 10}}
	cmd.Stderr = p.stderr
	if dir != nil {
		info, err := dir.Stat()
		if err != nil {
			return nil, err
		}
		p.dir, cmd.ExtraFiles = info, []*os.File{dir}
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.outcomes = json.NewDecoder(stdout)
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return p, nil
}

// worksIn reports whether the process was handed this very directory: somebody who can write to
// the volume may have put another one in its place.
func (p *process) worksIn(dir *os.File) bool {
	if dir == nil || p.dir == nil {
		return dir == nil && p.dir == nil
	}
	info, err := dir.Stat()
	return err == nil && os.SameFile(info, p.dir)
}

// ask sends a request and reads the outcome. Unless the process stays, it has ended
// when ask returns; so it has, by force, when ctx has.
func (p *process) ask(ctx context.Context, request []byte, keep bool) (outcome, error) {
	release := context.AfterFunc(ctx, func() { _ = p.cmd.Process.Kill() })
	defer release()
	_, _ = p.stdin.Write(append(request, '\n')) // an error of it shows in the answer
	if !keep {
		_ = p.stdin.Close()
	}
	var out outcome
	err := p.outcomes.Decode(&out)
	if err == nil && out.Stays {
		return out, nil
	}
	return out, p.end(err)
}

// end waits for the process's end, which its closed input brings about. err is that of
// its answer.
func (p *process) end(err error) error {
	_ = p.stdin.Close()
	if err != nil && !errors.Is(err, io.EOF) {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		return err
	}
	if exit := p.cmd.Wait(); exit != nil {
		return exit
	}
	if err != nil {
		return errors.New("it ended without an answer")
	}
	return nil
}

// lastWords is the beginning of what an ended process, or none, wrote to standard error.
func (p *process) lastWords() string {
	if p == nil {
		return ""
	}
	return p.stderr.String()
}
