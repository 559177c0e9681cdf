// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/check"
	"github.com/pillion-dev/pillion/internal/policy"
)

type checkOptions struct {
	output  string
	cluster cluster.Flags
}

func newCheck() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check [-n NAMESPACE]",
		Short: "Check the installation, step by step",
		Long: `Check the installation, step by step: from the API server's version over webhook
configurations, certificates, replicas and endpoints to a pod of each policy that is
made as a dry run. What comes first causes what comes later, and what fails because of
an earlier check says so.

  ✓ it holds
  ! it works, with a warning
  ✗ it failed: pods do not get what they request, or are denied
  ? it could not be checked, and may fail
  · it was not checked, for the reason given

Nothing is stored in the cluster. For most checks the right to read is enough; the
right to create pods (as a dry run) and to port-forward to the replicas completes the
answer. What is missing is listed at the end.

Exit codes: 0 no errors; 1 a check failed; 2 something could not be checked, a flag is
wrong, or the cluster did not answer.`,
		Example: `  kubectl pillion check

  # in a pipeline: what failed, and what to do
  kubectl pillion check -o json | jq -r '.[] | select(.result == "failed") | .name + ": " + .remedy'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.Flags().Changed(clientcmd.FlagNamespace))
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	outputFlag(cmd, &o.output)
	o.cluster.Bind(cmd.Flags())
	cmd.Flags().Lookup(clientcmd.FlagNamespace).Usage = "the namespace of the installation (default: that which the webhook configurations name)"
	return cmd
}

// run checks the namespace of the flag alone: that of the kubeconfig's context is seldom
// the one of Pillion.
func (o *checkOptions) run(ctx context.Context, out io.Writer, namespaceGiven bool) error {
	if err := checkOutput(o.output); err != nil {
		return err
	}
	client, err := o.cluster.Connect()
	if err != nil {
		return err
	}
	options := check.Options{Now: time.Now(), Load: loadPolicies}
	if namespaceGiven {
		options.Namespace = client.Namespace
	}
	results, err := check.Run(ctx, client, options)
	if err != nil {
		return err
	}
	if err := printList(out, o.output, results, checkText); err != nil {
		return err
	}
	switch {
	case slices.ContainsFunc(results, func(r check.Result) bool { return r.Outcome == check.Failed }):
		return errRefused
	case slices.ContainsFunc(results, func(r check.Result) bool { return r.Outcome == check.Unknown }):
		return errUnseen
	}
	return nil
}

// errUnseen ends a check that found no error in what it could see, and has said what it
// could not see.
var errUnseen = errors.New("incomplete")

// loadPolicies loads policy files as the webhook does. It writes no file: the image in which
// helm test runs has no directory for any.
func loadPolicies(files map[string]string) ([]string, error) {
	policies, err := policy.LoadData(files)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(policies)), nil
}

// checkText writes one line for each remark, its remedy below it, and how it adds up. Links
// that are left out for the same reason share a line.
func checkText(b *strings.Builder, results []check.Result) {
	signs := map[check.Outcome]string{check.OK: "✓", check.Warning: "!", check.Failed: "✗", check.Skipped: "·", check.Unknown: "?"}
	count := map[check.Outcome]int{}
	for len(results) > 0 {
		r, names := results[0], alike(results)
		results = results[len(names):]
		count[r.Outcome] += len(names)
		fmt.Fprintf(b, "%s %s: %s\n", signs[r.Outcome], strings.Join(names, ", "), r.Message)
		if r.Remedy != "" {
			fmt.Fprintf(b, "    fix: %s\n", r.Remedy)
		}
	}
	verdict := "no errors"
	switch {
	case count[check.Failed] > 0:
		verdict = counted(count[check.Failed], "error")
	case count[check.Unknown] > 0:
		verdict = fmt.Sprintf("incomplete: %d could not be checked, no errors in the rest", count[check.Unknown])
	}
	fmt.Fprintf(b, "\n%s; %s, %d not checked\n", verdict, counted(count[check.Warning], "warning"), count[check.Skipped]+count[check.Unknown])
}

// alike are the names of the first result, and of those after it that are left out for the
// same reason.
func alike(results []check.Result) []string {
	names := []string{string(results[0].Name)}
	for _, r := range results[1:] {
		if left := results[0].Outcome; left != check.Skipped && left != check.Unknown || r.Outcome != left || r.Message != results[0].Message {
			break
		}
		names = append(names, string(r.Name))
	}
	return names
}

// counted is "1 error", "0 errors" or "2 errors" for the noun "error".
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
