// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
)

const usage = `Usage: release COMMAND [flags]

  build  Make the files of a release in a directory
  sign   Sign the files of a release
  push   Push the images and the chart of a release to their registry, and sign them there

"release COMMAND -h" lists a command's flags.
`

// errUsage says that the user has been told already what is wrong.
var errUsage = errors.New("wrong flags")

type command func(ctx context.Context, args []string, stdout, stderr io.Writer) error

// run returns the exit status: 2 if it was called wrongly, 1 if it failed.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	name, rest := "", args
	if len(args) > 0 {
		name, rest = args[0], args[1:]
	}
	cmd, known := map[string]command{"build": build, "sign": sign, "push": push}[name]
	if !known {
		fmt.Fprint(stderr, usage)
		if name == "help" || name == "-h" || name == "--help" {
			return 0
		}
		return 2
	}
	err := cmd(ctx, rest, stdout, stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	default:
		fmt.Fprintf(stderr, "release %s: %v\n", name, err)
		return 1
	}
}

// parse reads args, which have flags only. A flag named in required must be given.
func parse(flags *flag.FlagSet, args []string, stderr io.Writer, required ...string) error {
	flags.SetOutput(stderr)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "release %s: %q is not a flag; this command takes flags only\n", flags.Name(), flags.Arg(0))
		return errUsage
	}
	for _, name := range required {
		if flags.Lookup(name).Value.String() == "" {
			fmt.Fprintf(stderr, "release %s: --%s is missing; \"release %s -h\" says what it is\n", flags.Name(), name, flags.Name())
			return errUsage
		}
	}
	return nil
}
