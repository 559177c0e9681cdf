// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/gitstatus"
)

type syncOptions struct {
	timeout time.Duration
	output  string
	cluster cluster.Flags
}

func newSync() *cobra.Command {
	var o syncOptions
	cmd := &cobra.Command{
		Use:   "sync (POD | KIND NAME | KIND/NAME)",
		Short: "Have git-poller poll now, and say which commit is published then",
		Long: `Have git-poller poll now, in a pod or in all pods of a workload, and say which commit
is published then. It runs the helper's own command in its container, so it needs the
right to create pods/exec.

Exit codes: 0 every git-poller has polled; 1 a poll failed; 2 a git-poller could not be
asked, or there is none, or the cluster did not answer.`,
		Example: `  # do not wait for the period
  kubectl pillion sync deploy/web

  # one pod, for at most a minute
  kubectl pillion sync web-6d5f7c9b8-x2x7k --timeout 1m`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return completeObject(cmd.Context(), &o.cluster, args)
		},
	}
	cmd.Flags().DurationVar(&o.timeout, "timeout", 5*time.Minute, "time to wait for each poll")
	outputFlag(cmd, &o.output)
	o.cluster.Bind(cmd.Flags())
	return cmd
}

// synced is the answer of one git-poller.
type synced struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	content
}

func (o *syncOptions) run(ctx context.Context, args []string, out, errOut io.Writer) error {
	if err := checkOutput(o.output); err != nil {
		return err
	}
	if o.timeout <= 0 {
		return fmt.Errorf("--timeout %v: must be more than 0", o.timeout)
	}
	if len(args) == 1 && !strings.Contains(args[0], "/") {
		args = []string{"pod", args[0]}
	}
	kind, name, err := kindAndName(args)
	if err != nil {
		return err
	}
	client, err := o.cluster.Connect()
	if err != nil {
		return err
	}
	found, err := podsOf(ctx, client, kind, name)
	if err != nil {
		return err
	}
	var list []poller
	for _, p := range found {
		can, cannot := pollers(p)
		list = append(list, can...)
		for _, why := range cannot {
			fmt.Fprintf(errOut, "warning: %s: %s\n", p.Name, why)
		}
	}
	if len(list) == 0 {
		return fmt.Errorf("%s %s of namespace %s has no pod in which a git-poller runs that could be asked", kind.Name, name, client.Namespace)
	}
	var all []synced
	// The helper's own time-out comes first, and says more.
	for _, c := range ask(ctx, client, list, o.timeout+30*time.Second, "sync", "-o", "json", "--timeout="+o.timeout.String()) {
		all = append(all, synced{c.namespace, c.pod, c})
	}
	if err := printList(out, o.output, all, syncText); err != nil {
		return err
	}
	return syncResult(all, errOut)
}

func syncText(b *strings.Builder, all []synced) {
	rows := [][]string{{"POD", "HELPER", "COMMIT", "RESULT", "TOOK"}}
	for i := range all {
		if s := all[i].Status; s != nil && s.LastPoll != nil {
			took := time.Duration(s.LastPoll.Seconds * float64(time.Second)).Round(time.Millisecond)
			rows = append(rows, []string{all[i].Pod, all[i].Container, shortCommit(s.Commit), s.LastPoll.Result, took.String()})
		}
	}
	if len(rows) > 1 {
		table(b, "", rows)
	}
}

// syncResult says what went wrong.
func syncResult(all []synced, errOut io.Writer) error {
	var err error
	for i := range all {
		a := &all[i]
		switch {
		case a.Status == nil || a.Status.LastPoll == nil:
			fmt.Fprintf(errOut, "%s/%s: %s\n", a.Pod, a.Container, printable(a.Error))
			err = errUnseen
		case a.Status.LastPoll.Result == gitstatus.Error:
			p := a.Status.LastPoll
			fmt.Fprintf(errOut, "%s/%s: the poll failed (%s): %s\n", a.Pod, a.Container, printable(p.Reason), printable(p.Message))
			if err == nil {
				err = errRefused
			}
		}
	}
	return err
}
