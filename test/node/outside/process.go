// SPDX-License-Identifier: Apache-2.0

//go:build linux

package outside

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pillion-dev/pillion/test/node/inside"
)

// stopTimeout is how long the node may take to remove itself, on a busy machine too.
const stopTimeout = 3 * time.Minute

// A process is the node's first: see [inside.Init].
type process struct {
	cmd      *exec.Cmd
	lifeline io.WriteCloser
	ready    chan struct{} // closed when it said so
	failed   chan struct{} // closed when failure is not nil
	gone     chan struct{} // closed when nothing runs in the node any more

	mu    sync.Mutex
	first error
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// launch starts this program once more, as the first process of new namespaces.
// It waits for begin.
func (n *Node) launch(ctx context.Context) error {
	if err := os.Mkdir(n.Logs(), 0o700); err != nil {
		return err
	}
	log, err := os.Create(n.Log("init"))
	if err != nil {
		return err
	}
	defer log.Close()
	mounts, err := os.Open("/proc/self/ns/mnt")
	if err != nil {
		return err
	}
	defer mounts.Close()

	cmd := exec.CommandContext(context.WithoutCancel(ctx), "/proc/self/exe", "init", n.Dir)
	cmd.Env = n.environment()
	cmd.Stderr = log
	cmd.ExtraFiles = []*os.File{n.lock, mounts}
	cmd.SysProcAttr = &unix.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		Setsid:     true, // the terminal's SIGINT is for us
	}
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	messages, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("the node's namespaces cannot be made: %w", err)
	}
	n.first = &process{
		cmd: cmd, lifeline: lifeline,
		ready: make(chan struct{}), failed: make(chan struct{}), gone: make(chan struct{}),
	}
	n.onStop(n.first.stop)
	go n.listenTo(messages)
	return nil
}

// environment is all that the pieces get of ours: no proxy, for instance.
func (n *Node) environment() []string {
	return []string{"PATH=" + searchPath(), "HOME=" + n.Temp(), "TMPDIR=" + n.Temp()}
}

// listenTo takes in what the node says until its end.
func (n *Node) listenTo(messages io.Reader) {
	for lines := json.NewDecoder(messages); ; {
		var m inside.Message
		if err := lines.Decode(&m); err != nil {
			n.first.fail(fmt.Errorf("the node has ended without saying why%s", inside.LastLines(n.Log("init"))))
			break
		}
		switch {
		case m.Error != "":
			n.first.fail(errors.New(m.Error))
		case m.Ready:
			close(n.first.ready)
		default:
			n.progress("%s", m.Progress)
		}
	}
	_ = n.first.cmd.Wait() // after all was read, as exec.Cmd wants it
	close(n.first.gone)
}

// begin says that the node's directory is filled.
func (p *process) begin() error {
	_, err := io.WriteString(p.lifeline, inside.Begin)
	return err
}

// fail remembers the first error: those that come later follow from it.
func (p *process) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first == nil {
		p.first = err
		close(p.failed)
	}
}

func (p *process) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.first
}

func (p *process) stop() error {
	_ = p.lifeline.Close()
	select {
	case <-p.gone:
		return nil
	case <-time.After(stopTimeout):
	}
	_ = p.cmd.Process.Kill()
	<-p.gone
	return fmt.Errorf("the node was killed: it ran on for %s after it had been told to end", stopTimeout)
}
