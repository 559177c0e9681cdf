// SPDX-License-Identifier: Apache-2.0

package startorder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Exit statuses of the wrapper itself. Those of 125 and more are what env(1),
// timeout(1) and the shells use.
const (
	ExitTimeout   = 75  // EX_TEMPFAIL of sysexits.h: it may work the next time
	ExitWrapper   = 125 // the wrapper cannot do its own work
	ExitForbidden = 126 // the command is there and cannot be executed
	ExitAbsent    = 127 // there is no such command
	exitSignal    = 128 // and the number of the signal
)

// Options are what to wait for and what to become.
type Options struct {
	Conditions []Condition
	Timeout    time.Duration // for all conditions together
	Umask      int           // that the app gets; -1 leaves it alone
	Name       string        // of this container, if others wait for it; or ""
	State      string        // the directory in which containers record their start
	Command    []string      // and its arguments; never empty
	Stderr     io.Writer     // the app's own, so two lines at most
}

// Error is why the app did not start, and the exit status that says so.
type Error struct {
	Status int
	err    error
}

func (e *Error) Error() string { return e.err.Error() }

func (e *Error) Unwrap() error { return e.err }

func fail(status int, format string, args ...any) *Error {
	return &Error{status, fmt.Errorf(format, args...)}
}

// Run waits and becomes the command. It returns only if that does not come to pass.
func Run(o Options) *Error {
	ctx, release := untilStopped()
	defer release()
	at, err := o.place()
	if err != nil {
		return fail(ExitWrapper, "%w", err)
	}
	if failed := o.wait(ctx, at); failed != nil {
		return failed
	}
	path, failed := find(o.Command[0])
	if failed != nil {
		return failed
	}
	withdraw := func() {}
	if o.Name != "" {
		if withdraw, err = claim(ctx, at, o.Name); err != nil {
			if failed = o.stopped(ctx); failed == nil {
				failed = fail(ExitWrapper, "%w", err)
			}
			return failed
		}
	}
	release()
	if failed = o.stopped(ctx); failed == nil {
		failed = o.become(path)
	}
	withdraw()
	return failed
}

// place is needed for conditions about containers only.
func (o Options) place() (place, error) {
	if o.State == "" {
		return place{}, nil
	}
	start, err := startOf("/proc/self/exe")
	return place{o.State, start}, err
}

// wait tells what it waits for if it has to, and when that is over.
func (o Options) wait(ctx context.Context, at place) *Error {
	if len(o.Conditions) == 0 {
		return nil
	}
	began := time.Now()
	waited := false
	// Without a deadline, which an attempt to connect would take for its own: so what
	// is cut short can be told from what got no answer.
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(o.Timeout, cancel).Stop()
	err := wait(limited, o.Conditions, at, func(seen error) {
		waited = true
		fmt.Fprintf(o.Stderr, "pillion: %s waits for %s (up to %s): %v\n", o.Command[0], o.list(), o.Timeout, seen)
	})
	switch {
	case o.stopped(ctx) != nil:
		return o.stopped(ctx)
	case isUnsafe(err):
		return fail(ExitWrapper, "%s was not started: %w", o.Command[0], err)
	case err != nil:
		return fail(ExitTimeout, "%s was not started: after %s still %w", o.Command[0], o.Timeout, err)
	case waited:
		fmt.Fprintf(o.Stderr, "pillion: %s starts after %s\n", o.Command[0], time.Since(began).Round(time.Millisecond))
	}
	return nil
}

func (o Options) list() string {
	var texts []string
	for _, c := range o.Conditions {
		texts = append(texts, c.String())
	}
	return strings.Join(texts, ", ")
}

// find looks for a command as runc does (libcontainer/standard_init_linux.go).
func find(command string) (string, *Error) {
	path, err := exec.LookPath(command)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, exec.ErrNotFound) && !strings.Contains(command, "/"):
		return "", fail(ExitAbsent, "the command %q is in no directory of PATH=%s of this container", command, os.Getenv("PATH"))
	case errors.Is(err, os.ErrNotExist):
		wd, _ := os.Getwd()
		return "", fail(ExitAbsent, "there is no file %q for the command in this container (in the directory %s)", command, wd)
	}
	if failure := (*exec.Error)(nil); errors.As(err, &failure) {
		err = failure.Err
	}
	return "", fail(ExitForbidden, "the command %q cannot be executed: %w", command, err)
}

// stopped is not nil if a signal came before the app started.
func (o Options) stopped(ctx context.Context) *Error {
	var by stopSignal
	if !errors.As(context.Cause(ctx), &by) {
		return nil
	}
	return fail(exitSignal+int(by), "%s before %s started", by, o.Command[0])
}

// become replaces this process.
func (o Options) become(path string) *Error {
	if o.Umask >= 0 {
		unix.Umask(o.Umask)
	}
	// It gives back the limit of open files, which Go raises when it starts.
	err := syscall.Exec(path, o.Command, os.Environ())
	if errors.Is(err, syscall.ENOENT) {
		return fail(ExitAbsent, "the command %q cannot be executed: the interpreter or the loader that it names is not in this container", path)
	}
	return fail(ExitForbidden, "the command %q cannot be executed: %w", path, err)
}
