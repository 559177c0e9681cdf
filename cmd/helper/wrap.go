// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/pillion-dev/pillion/internal/startorder"
)

var wrapVerb = verb{name: "run", does: "wait until an app can start, and become the app", become: wrap}

func parseWrap(args []string, stderr io.Writer) (o startorder.Options, log *string, err error) {
	o = startorder.Options{Umask: -1, Stderr: stderr}
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.SetOutput(stderr)
	log = terminationLog(flags)
	flags.DurationVar(&o.Timeout, "timeout", 5*time.Minute, "`time` after which to give up")
	flags.StringVar(&o.Name, "name", "", "the `name` of this container, for those that wait for it")
	flags.StringVar(&o.State, "state", "", "the `directory` in which containers record their start")
	flags.Func("umask", "the app's `umask`, such as 0002", func(text string) error {
		mask, err := strconv.ParseUint(text, 8, 32)
		if err != nil || mask > 0o777 {
			return errors.New("must be an octal number between 0000 and 0777")
		}
		o.Umask = int(mask)
		return nil
	})
	flags.Func("wait", "a `condition`; may be repeated", func(text string) error {
		c, err := startorder.ParseCondition(text)
		o.Conditions = append(o.Conditions, c)
		return err
	})
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, nil, err
		}
		return o, nil, usageError{err}
	}
	o.Command = flags.Args()
	if err := check(o, args); err != nil {
		return o, nil, usageError{err}
	}
	return o, log, nil
}

// check finds what no single flag shows.
func check(o startorder.Options, args []string) error {
	if len(o.Command) == 0 {
		return errors.New("a command is needed behind --")
	}
	if before := len(args) - len(o.Command); before == 0 || args[before-1] != "--" {
		return fmt.Errorf("the argument %q is unexpected: the command must be behind --", o.Command[0])
	}
	if o.Timeout <= 0 {
		return errors.New("--timeout must be more than 0")
	}
	if (o.Name == "") != (o.State == "") {
		return errors.New("--name and --state are needed together")
	}
	for _, c := range o.Conditions {
		if c.AboutContainer() && o.State == "" {
			return fmt.Errorf("--wait=%s needs --state, the directory in which containers record their start", c)
		}
	}
	if o.Name != "" {
		return startorder.CheckName(o.Name)
	}
	return nil
}

// wrap waits and becomes the command. It returns the exit status if it cannot, and
// changes nothing before that an app would inherit.
func wrap(args []string, stderr io.Writer) int {
	o, log, err := parseWrap(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "pillion-helper run: %v\n", err)
		return exitUsage
	}
	failed := startorder.Run(o)
	fmt.Fprintf(stderr, "pillion: %v\n", failed)
	lastWords(*log, failed)
	return failed.Status
}
