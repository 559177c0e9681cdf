// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/explain"
)

type statusOptions struct {
	all      bool
	selector string
	output   string
	policy   string
	content  bool
	watching bool
	cluster  cluster.Flags
}

func newStatus() *cobra.Command {
	var o statusOptions
	var states strings.Builder
	for _, s := range explain.States() {
		fmt.Fprintf(&states, "  %-8s %s\n", s.State, s.Doc)
	}
	cmd := &cobra.Command{
		Use:   "status [-A | -n NAMESPACE] [-w]",
		Short: "List the pods that request helpers, and what became of them",
		Long: `List the pods that request helpers, and what became of them. Pods that request
nothing are not listed. The states are:

` + states.String() + `
What pods made now would get is known from the policies of the cluster, if they can be
read, or from --policy; and from the newest pod of each policy.

Each git-poller that runs is asked what it publishes: its commit, when that was last
known to be the newest, and why polls fail. That needs the right to create pods/exec;
without it the rest is shown. Where the containers of a pod share one process namespace
a git-poller cannot be asked, and the end of its log is read instead.

With --watch it goes on: after the table it prints a line for each pod whose state, helpers
or commit change, or that is new or Deleted, until Ctrl-C. Commits are asked for once a
minute. The column WHY has the codes of what is wrong; without --watch there are sentences.
Without the right to watch pods they are listed every 30 seconds.

Exit codes: 0 all pods have what they request, be it from an older version, or the watch
was stopped with Ctrl-C; 1 a pod is Waiting, Failing, Missing or Changed, or asks for what
it cannot have; 2 a flag or a policy is wrong, or the cluster did not answer.`,
		Example: `  # is there a pod that asked and has nothing?
  kubectl pillion status -A

  # which commit does each pod serve, and since when is it known to be the newest?
  kubectl pillion status -l app=web

  # follow a rollout
  kubectl pillion status -l app=web -w

  # which pods still run what the last version gave them?
  kubectl pillion status -A -o json | jq -r '.[] | select(.state == "Drifted") | .name'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !o.watching {
				return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return o.watch(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().BoolVarP(&o.all, "all-namespaces", "A", false, "the pods of all namespaces")
	cmd.Flags().StringVarP(&o.selector, "selector", "l", "", "only pods with these labels, such as app=web")
	policyFlag(cmd, &o.policy, policyHelp+" (default: those of the cluster)")
	cmd.Flags().BoolVar(&o.content, "content", true, "ask each git-poller what it publishes, which needs the right to create pods/exec")
	cmd.Flags().BoolVarP(&o.watching, "watch", "w", false, "after the table, print a line for each pod that changes, until Ctrl-C")
	cmd.Flags().StringVarP(&o.output, "output", "o", "text", "output format: text, wide (with age and node), name (for kubectl), or json or yaml (always a list)")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "wide", "name", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	o.cluster.Bind(cmd.Flags())
	return cmd
}

// podStatus is a pod, and what its git-pollers publish.
type podStatus struct {
	explain.Pod
	Content []content `json:"content,omitempty"`
	Node    string    `json:"node,omitempty"`
}

func (o *statusOptions) run(ctx context.Context, out, errOut io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	pods, err := o.look(ctx, errOut)
	if err != nil {
		return err
	}
	text := o.text
	if o.output == "name" {
		text = nameText
	}
	if err := printList(out, o.output, pods, text); err != nil {
		return err
	}
	if slices.ContainsFunc(pods, func(p podStatus) bool { return !p.Good() }) {
		return errRefused
	}
	return nil
}

func (o *statusOptions) check() error {
	if o.output != "wide" && o.output != "name" && checkOutput(o.output) != nil {
		return fmt.Errorf("--output %q: must be text, wide, name, json or yaml", o.output)
	}
	return nil
}

// look reads and judges the pods.
func (o *statusOptions) look(ctx context.Context, errOut io.Writer) ([]podStatus, error) {
	l, err := look(ctx, &o.cluster, o.policy)
	if err != nil {
		return nil, err
	}
	namespace := l.client.Namespace
	if o.all {
		namespace = ""
	}
	found, err := l.pods(ctx, namespace, o.selector)
	if err != nil {
		return nil, err
	}
	if l.policies.Assumed {
		fmt.Fprintf(errOut, "warning: the policies of the cluster are not known: %s; what has drifted is told from the newest pods\n", l.policies.Why)
	}
	namespaces := map[string]*explain.Cluster{}
	unread := map[string]bool{}
	var pods []podStatus
	var asked []poller
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
			pods = append(pods, podStatus{Pod: pod, Node: p.Spec.NodeName})
			can, _ := pollers(p)
			asked = append(asked, can...)
		}
	}
	if o.content {
		addContent(pods, ask(ctx, l.client, asked, contentTimeout, "status", "-o", "json"), errOut)
	}
	return pods, nil
}

// nameText is what kubectl takes: pod/NAME.
func nameText(b *strings.Builder, pods []podStatus) {
	for i := range pods {
		fmt.Fprintf(b, "pod/%s\n", pods[i].Name)
	}
}

// text is a table, and below it what is to be said of single pods.
func (o *statusOptions) text(b *strings.Builder, pods []podStatus) {
	if len(pods) == 0 {
		b.WriteString("no pod requests a helper\n")
		return
	}
	row := func(namespace string, cells ...string) []string {
		if o.all {
			return append([]string{namespace}, cells...)
		}
		return cells
	}
	header := row("NAMESPACE", "POD", "STATE", "HELPERS", "VERSION", "POLICY", "HASH")
	if o.output == "wide" {
		header = append(header, "AGE", "NODE")
	}
	rows := [][]string{header}
	for _, p := range pods {
		helpers := strings.Join(p.Helpers, ",")
		cells := row(p.Namespace, p.Name, string(p.State), dash(helpers), dash(p.Version), dash(p.Policy), dash(p.PolicyHash))
		if o.output == "wide" {
			cells = append(cells, duration.HumanDuration(time.Since(p.Created)), dash(p.Node))
		}
		rows = append(rows, cells)
	}
	table(b, "", rows)
	o.contentText(b, pods)
	for _, p := range pods {
		if len(p.Findings) > 0 {
			fmt.Fprintf(b, "\n%s/%s\n", p.Namespace, p.Name)
			findings(b, "  ", p.Findings)
		}
	}
}

// contentTimeout is how long a helper may take to say how it stands.
const contentTimeout = 15 * time.Second

// addContent gives each pod what its git-pollers say. That rights are missing is said once.
func addContent(pods []podStatus, all []content, errOut io.Writer) {
	var forbidden string
	for _, c := range all {
		if c.FromLog {
			fmt.Fprintf(errOut, "note: the commit of %s/%s is what the end of its log says, and its age is not known: %s\n", c.pod, c.Container, whyHidden)
		}
		if c.forbidden {
			forbidden = c.Error
			continue
		}
		i := slices.IndexFunc(pods, func(p podStatus) bool { return p.Namespace == c.namespace && p.Name == c.pod })
		pods[i].Content = append(pods[i].Content, c)
	}
	if forbidden != "" {
		fmt.Fprintf(errOut, "warning: what git-pollers publish is not known: %s; ask for the right to create pods/exec\n", printable(forbidden))
	}
}

// contentText is a table of what git-pollers publish, if there are any.
func (o *statusOptions) contentText(b *strings.Builder, pods []podStatus) {
	rows := [][]string{{"POD", "HELPER", "COMMIT", "LAST SUCCESS", "LAST ERROR"}}
	for i := range pods {
		name := pods[i].Name
		if o.all {
			name = pods[i].Namespace + "/" + name
		}
		for _, c := range pods[i].Content {
			switch s := c.Status; {
			case s == nil:
				rows = append(rows, []string{name, c.Container, "-", "-", "not known: " + c.Error})
			case s.Failures > 0 && s.LastError != nil:
				rows = append(rows, []string{name, c.Container, shortCommit(s.Commit), age(s), s.LastError.Reason + ": " + s.LastError.Message})
			default:
				rows = append(rows, []string{name, c.Container, shortCommit(s.Commit), age(s), "-"})
			}
		}
	}
	if len(rows) > 1 {
		b.WriteString("\n")
		table(b, "", rows)
	}
}
