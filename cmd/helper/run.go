// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"syscall"

	"github.com/pillion-dev/pillion/internal/gitpoller"
	"github.com/pillion-dev/pillion/internal/version"
)

// Exit statuses, besides 0.
const (
	exitFailed = 1 // a probe says no; mode once ran out of time
	exitUsage  = 2 // the command line is wrong
)

const usage = `usage: pillion-helper VERB [--flag=value]…
  git-poller   keep a folder equal to a git repository
  date-writer  write the date into a file, again and again
  ipc-init     make queues, semaphores, shared memory and named pipes
  install      copy this program to where other containers can run it
  run          wait until an app can start, and become the app
  probe        tell whether there is content yet
  version      print the version
`

// env is what a verb works with.
type env struct {
	ctx            context.Context // ends at SIGTERM or SIGINT
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	log            *slog.Logger
}

// run is main without the exit: it returns the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "run" {
		return wrap(args[1:], stderr) // nothing of what follows is an app's to inherit
	}
	// What helpers write is for containers with any user ID.
	syscall.Umask(0o022)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	verbs := map[string]func(env) error{
		"git-poller":       runGitPoller,
		"date-writer":      runDateWriter,
		"ipc-init":         runIPCInit,
		"install":          runInstall,
		"probe":            runProbe,
		"version":          runVersion,
		gitpoller.ChildArg: runGitFetch,
	}
	var verb func(env) error
	if len(args) > 0 {
		verb = verbs[args[0]]
	}
	if verb == nil {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	err := verb(env{ctx, args[1:], stdin, stdout, stderr, slog.New(slog.NewJSONHandler(stderr, nil))})
	var wrong usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "pillion-helper %s: %v\n", args[0], err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "pillion-helper %s: %v\n", args[0], err)
	return exitFailed
}

// usageError is a command line that cannot work.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func runVersion(e env) error {
	_, err := fmt.Fprintln(e.stdout, "pillion helper", version.Info())
	return err
}

func runGitFetch(e env) error { return gitpoller.ServeChild(e.ctx, e.stdin, e.stdout) }

// parse reads flags, of which none may be left over.
func parse(flags *flag.FlagSet, e env) error {
	flags.SetOutput(e.stderr)
	if err := flags.Parse(e.args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError{err}
	}
	if flags.NArg() > 0 {
		return usageError{fmt.Errorf("the argument %q is unexpected: everything is given as --flag=value", flags.Arg(0))}
	}
	return nil
}
