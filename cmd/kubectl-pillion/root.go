// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pillion-dev/pillion/internal/version"
)

// Exit codes. A script can tell "your pod would be refused" from "I could not look".
const (
	exitOK      = 0
	exitRefused = 1 // the webhook would refuse at least one object
	exitFailed  = 2 // a file, flag or policy is wrong
)

// errRefused ends a command that has said already why.
var errRefused = errors.New("refused")

// run is main with its surroundings as arguments.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	cmd := newRoot()
	cmd.SetArgs(args)
	cmd.SetIn(in)
	cmd.SetOut(out)
	cmd.SetErr(errOut)
	err := cmd.Execute()
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errRefused):
		return exitRefused
	}
	fmt.Fprintln(errOut, "error:", err)
	return exitFailed
}

func newRoot() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kubectl-pillion",
		Short: "See what Pillion makes of your pods",
		Long: `See what Pillion makes of your pods.

Exit codes: 0 all is well; 1 the webhook would refuse an object; 2 a file, a flag
or a policy is wrong.`,
		Version:       version.String(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl pillion"},
	}
	cmd.AddCommand(newInject())
	return cmd
}
