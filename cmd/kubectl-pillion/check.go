// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/check"
)

type checkOptions struct {
	output  string
	cluster cluster.Flags
}

func newCheck() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check [-n NAMESPACE]",
		Short: "Look at the installation, link by link",
		Long: `Look at the installation, link by link: from the API server's version over webhook
configurations, certificates, replicas and endpoints to a pod of each policy that is
made as a dry run. What comes first causes what comes later, and what fails because of
a link before it says so.

  ✓ it holds
  ! it works, and somebody should know
  ✗ it is broken: pods do not get what they ask for, or are refused
  · it was not looked at, and why

Nothing is stored in the cluster. For most links the right to read is enough; the
right to create pods (as a dry run) and to port-forward to the replicas completes the
answer. What is missing is listed at the end.

Exit codes: 0 no link is broken; 1 one is; 2 a flag is wrong, or the cluster did not
answer.`,
		Example: `  kubectl pillion check

  # in a pipeline: what is broken, and what to do
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

// run looks in the namespace of the flag alone: that of the kubeconfig's context is where
// somebody works, and hardly where Pillion does.
func (o *checkOptions) run(ctx context.Context, out io.Writer, namespaceGiven bool) error {
	if err := checkOutput(o.output); err != nil {
		return err
	}
	client, err := o.cluster.Connect()
	if err != nil {
		return err
	}
	options := check.Options{Now: time.Now()}
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
	if slices.ContainsFunc(results, func(r check.Result) bool { return r.Outcome == check.Failed }) {
		return errRefused
	}
	return nil
}

// checkText writes one line for each remark, its remedy below it, and how it adds up. Links
// that are left out for the same reason share a line.
func checkText(b *strings.Builder, results []check.Result) {
	signs := map[check.Outcome]string{check.OK: "✓", check.Warning: "!", check.Failed: "✗", check.Skipped: "·"}
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
	verdict := "nothing is broken"
	if count[check.Failed] > 0 {
		verdict = fmt.Sprintf("%d broken", count[check.Failed])
	}
	fmt.Fprintf(b, "\n%s; %d to know of, %d not looked at\n", verdict, count[check.Warning], count[check.Skipped])
}

// alike are the names of the first result, and of those after it that are left out for the
// same reason.
func alike(results []check.Result) []string {
	names := []string{string(results[0].Name)}
	for _, r := range results[1:] {
		if r.Outcome != check.Skipped || results[0].Outcome != check.Skipped || r.Message != results[0].Message {
			break
		}
		names = append(names, string(r.Name))
	}
	return names
}
