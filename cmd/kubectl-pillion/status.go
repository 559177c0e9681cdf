// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/explain"
)

type statusOptions struct {
	all      bool
	selector string
	output   string
	policy   string
	cluster  cluster.Flags
}

func newStatus() *cobra.Command {
	var o statusOptions
	var states strings.Builder
	for _, s := range explain.States() {
		fmt.Fprintf(&states, "  %-8s %s\n", s.State, s.Doc)
	}
	cmd := &cobra.Command{
		Use:   "status [-A | -n NAMESPACE]",
		Short: "List the pods that ask for helpers, and what became of them",
		Long: `List the pods that ask for helpers, and what became of them. Pods that ask for
nothing are not listed. The states are:

` + states.String() + `
What pods made now would get is known from the policies of the cluster, if they can be
read, or from --policy; and from the newest pod of each policy.

Exit codes: 0 all pods have what they ask for, be it from an older version; 1 a pod is
Waiting, Failing, Missing or Changed, or asks for what it cannot have; 2 a flag or a policy is wrong, or the cluster did not answer.`,
		Example: `  # is there a pod that asked and has nothing?
  kubectl pillion status -A

  # which pods still run what the last version gave them?
  kubectl pillion status -A -o json | jq -r '.[] | select(.state == "Drifted") | .name'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().BoolVarP(&o.all, "all-namespaces", "A", false, "the pods of all namespaces")
	cmd.Flags().StringVarP(&o.selector, "selector", "l", "", "only pods with these labels, such as app=web")
	policyFlag(cmd, &o.policy, policyHelp+" (default: those of the cluster)")
	outputFlag(cmd, &o.output)
	o.cluster.Bind(cmd.Flags())
	return cmd
}

func (o *statusOptions) run(ctx context.Context, out, errOut io.Writer) error {
	if err := checkOutput(o.output); err != nil {
		return err
	}
	l, err := look(ctx, &o.cluster, o.policy)
	if err != nil {
		return err
	}
	namespace := l.client.Namespace
	if o.all {
		namespace = ""
	}
	found, err := l.pods(ctx, namespace, o.selector)
	if err != nil {
		return err
	}
	if l.policies.Assumed {
		fmt.Fprintf(errOut, "warning: the policies of the cluster are not known: %s; what has drifted is told from the newest pods\n", l.policies.Why)
	}
	namespaces := map[string]*explain.Cluster{}
	unread := map[string]bool{}
	var pods []explain.Pod
	for _, p := range found { // all of them are read by now, so the newest of each policy are known
		if !p.Concerns() && !l.policies.Adds() {
			continue
		}
		if namespaces[p.Namespace] == nil {
			c := l.namespace(ctx, p.Namespace)
			namespaces[p.Namespace] = c
			for _, text := range c.NotRead {
				if !unread[text] {
					unread[text] = true
					fmt.Fprintf(errOut, "warning: could not look at %s\n", text)
				}
			}
		}
		if pod := l.judgePod(ctx, namespaces[p.Namespace], p); pod.State != explain.None {
			pods = append(pods, pod)
		}
	}
	if err := printList(out, o.output, pods, o.text); err != nil {
		return err
	}
	if slices.ContainsFunc(pods, func(p explain.Pod) bool { return !p.Good() }) {
		return errRefused
	}
	return nil
}

// text is a table, and below it what is to be said of single pods.
func (o *statusOptions) text(b *strings.Builder, pods []explain.Pod) {
	if len(pods) == 0 {
		b.WriteString("no pod asks for a helper\n")
		return
	}
	row := func(namespace string, cells ...string) []string {
		if o.all {
			return append([]string{namespace}, cells...)
		}
		return cells
	}
	rows := [][]string{row("NAMESPACE", "POD", "STATE", "HELPERS", "VERSION", "POLICY", "HASH")}
	for _, p := range pods {
		helpers := strings.Join(p.Helpers, ",")
		rows = append(rows, row(p.Namespace, p.Name, string(p.State), dash(helpers), dash(p.Version), dash(p.Policy), dash(p.PolicyHash)))
	}
	table(b, "", rows)
	for _, p := range pods {
		if len(p.Findings) > 0 {
			fmt.Fprintf(b, "\n%s/%s\n", p.Namespace, p.Name)
			findings(b, "  ", p.Findings)
		}
	}
}

// dash stands for nothing in a table.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
