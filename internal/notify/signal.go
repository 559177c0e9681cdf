// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/pillion-dev/pillion/internal/notify/target"
)

// signalNumbers are those of target.Signals.
var signalNumbers = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "WINCH": syscall.SIGWINCH,
	"INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "TERM": syscall.SIGTERM,
}

var ending = []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM}

// Signal tells by a signal to the processes of one container of the pod.
type Signal struct {
	name      string
	number    syscall.Signal
	container string
	proc      string // where procfs is mounted
}

// NewSignal makes a [Signal] of a signal and a container's name, "HUP:nginx".
func NewSignal(text string) (*Signal, error) {
	name, container, err := target.ParseSignal(text)
	if err != nil {
		return nil, fmt.Errorf("%s %w", quote(text), err)
	}
	return &Signal{name: name, number: signalNumbers[name], container: container, proc: "/proc"}, nil
}

func (s *Signal) String() string { return s.name + ":" + s.container }

// Kind is "signal".
func (s *Signal) Kind() string { return "signal" }

// Tell sends the signal once. The error says why no process of the container got it.
func (s *Signal) Tell(context.Context, string) error {
	all, own, err := scan(s.proc, s.container)
	if err != nil {
		return err
	}
	if !all.shared(own) {
		return errors.New(`no process of another container can be seen: the pod does not share its process namespace; set the annotation ipc.pillion.dev/process: "true"`)
	}
	of := all.of(place{own.pod, s.container})
	defer of.release()
	if len(of) == 0 {
		return fmt.Errorf("no process of container %q is running; there are processes of %s", s.container, strings.Join(all.containers(own.pod), ", "))
	}
	targets := of.mains()
	if !slices.Contains(ending, s.number) {
		if targets = of.handlers(s.number); len(targets) == 0 {
			return fmt.Errorf("no process of container %q handles SIG%s, which ends a program that does not; running there: %s", s.container, s.name, of.names())
		}
	}
	var errs []error
	for _, p := range targets {
		errs = append(errs, s.send(p))
	}
	return errors.Join(errs...)
}

func (s *Signal) send(p *process) error {
	err := p.handle.Signal(s.number)
	switch {
	case errors.Is(err, os.ErrProcessDone):
		return fmt.Errorf("process %d (%s) of container %q ended before it got SIG%s", p.id, p.name, s.container, s.name)
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("process %d (%s) of container %q runs as user %d and this helper as user %d, and only the same user may send it a signal: run both as one user, or use an HTTP request",
			p.id, p.name, s.container, p.user, os.Geteuid())
	case err != nil:
		return fmt.Errorf("process %d (%s) of container %q: %w", p.id, p.name, s.container, err)
	}
	return nil
}
