// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/version"
)

// run is main with its surroundings as arguments.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	errOut = onlyPrintable{errOut}
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
	case errors.Is(err, errUnseen):
		return exitFailed
	}
	fmt.Fprintln(errOut, "error:", strings.ReplaceAll(told(err), "\n\t", "\n  ")) // cobra indents by tabs, which would be escaped
	return exitFailed
}

// told is an error in the words for a person: without the request that failed.
func told(err error) string {
	if away := (*cluster.Unreachable)(nil); errors.As(err, &away) {
		return away.Error()
	}
	if request := (*url.Error)(nil); errors.As(err, &request) {
		return strings.ReplaceAll(err.Error(), request.Error(), request.Err.Error())
	}
	return err.Error()
}

func newRoot() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kubectl-pillion",
		Short: "See what Pillion makes of your pods",
		Long: `See what Pillion makes of your pods.

Exit codes of all commands: 0 all is well; 1 the answer is no: a pod would be denied,
or lacks what it requests, or a policy has mistakes or fails its tests, or a check of
the installation fails; 2 there is no answer: a file, a flag or a policy is wrong, or
the cluster did not answer. Those of diff are kubectl diff's: 1 if there are differences.`,
		Version:       version.String(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl pillion"},
	}
	cmd.AddCommand(newInject(), newUninject(), newDiff(), newExplain(), newTry(), newStatus(), newSync(), newCheck(), newHelpers(), newHelper(), newPolicy(), newVersion(), newDashboard(), newReference())
	return cmd
}
