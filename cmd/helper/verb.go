// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
)

// Exit statuses, besides 0.
const (
	exitFailed = 1 // a probe says no; mode once ran out of time
	exitUsage  = 2 // the command line is wrong
)

// A verb is one thing that the program does.
type verb struct {
	name string // one word of the command line, or several
	does string // in the list of usage; a verb without it is not for people
	run  func(env) error
	// become stands for run where the process becomes an app: nothing of it has been
	// changed yet that an app would inherit. It returns the exit status.
	become func(args []string, stderr io.Writer) int
}

// env is what a verb works with.
type env struct {
	ctx            context.Context // ends at SIGTERM or SIGINT
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	log            *slog.Logger
}

// usageError is a command line that cannot work.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

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
