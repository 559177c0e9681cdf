// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/explain"
)

type explainOptions struct {
	inputs  inputs
	output  string
	policy  string
	dry     bool
	cluster cluster.Flags

	judged   []judgement // of objects of files
	rejected bool        // the API server decodes not all of them
}

func newExplain() *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain (-f FILE|DIR|URL|- | -k DIR | KIND NAME)",
		Short: "Say what a pod gets, and why, or why not",
		Long: `Say what a pod gets, and why, or why not: each rule and its result, the values of
all options and where they come from, what is added, which policy applies and how it
was chosen, and what to do.

With -f it reads files and no cluster. With a kind (pod, deploy, sts, ds, rs, rc,
job, cronjob) and a name it reads the cluster, and says as well what no webhook can
see: annotations on the wrong object, a pod that is older than the webhook or was
annotated later, a namespace that is left out, a container that another webhook took
away.

With -f and --dry-run the cluster is asked: each pod is created as a dry run, so that
nothing is stored, and its webhooks, policies and admission plugins have said what they
say. That needs the right to create pods in the namespace, and no other.

The formats github, junit and sarif show in a CI, beside the lines of a change, what is wrong
with files. They are for -f without --dry-run.

✓ is a pod that gets what it requests, and ! one that does so and has a warning, such as
a key with a mistyped domain, which requests nothing. ✗ is one that does not, or an object
that the API server rejects: then every value of a wrong type is named, with its line, and
the rest is judged as if these were corrected.

Exit codes: 0 the pods get, or have, what they request; 1 they do not; 2 a file, a
flag or a policy is wrong, or the cluster did not answer.`,
		Example: `  # before it is applied
  kubectl pillion explain -f web.yaml --policy policies/web.yaml

  # what does this cluster say to it?
  kubectl pillion explain -f web.yaml --dry-run -n shop

  # in a workflow of GitHub, beside the lines of the change
  kubectl pillion explain -f deploy/ -R --policy policies/ -o github

  # why does this pod have no helper?
  kubectl pillion explain pod web-6d5f7c9b8-x2x7k -n shop

  # of a whole rollout, for a script
  kubectl pillion explain deploy/web -o json`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), args, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: o.complete,
	}
	o.inputs.bind(cmd)
	policyFlag(cmd, &o.policy, policyHelp+", or cluster: those in force there (default: with -f the built-in policy, else those of the cluster)")
	cmd.Flags().BoolVar(&o.dry, "dry-run", false, "with -f, ask the cluster by creating the pods as a dry run, instead of deciding here")
	reportFlag(cmd, &o.output)
	o.cluster.Bind(cmd.Flags())
	return cmd
}

func (o *explainOptions) run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) error {
	if err := checkReport(o.output); err != nil {
		return err
	}
	kind, name, err := kindAndName(args)
	var all []*explain.Report
	switch {
	case reports[o.output] != nil && (o.dry || !o.inputs.named()):
		return fmt.Errorf("--output %s shows lines of files: name them with --filename, without --dry-run", o.output)
	case o.dry && (!o.inputs.named() || o.policy != ""):
		return errors.New("--dry-run asks the cluster about files: name them with --filename, without a --policy")
	case o.dry && len(args) == 0:
		return o.dryRun(ctx, in, out, errOut)
	case o.inputs.named() && len(args) > 0:
		return errors.New("give either --filename or a kind and a name, not both")
	case o.inputs.named():
		all, err = o.explainFiles(ctx, in, errOut)
	case err != nil:
		return err
	default:
		all, err = o.explainLive(ctx, kind, name)
	}
	if err != nil {
		return err
	}
	if report := reports[o.output]; report != nil {
		err = report(onlyPrintable{out}, o.judged)
	} else {
		err = printList(out, o.output, all, explainText)
	}
	if err != nil {
		return err
	}
	if o.rejected {
		return errUnseen
	}
	for _, r := range all {
		if !r.Good() {
			return errRefused
		}
	}
	return nil
}

// kindAndName reads "deploy web" and "deploy/web".
func kindAndName(args []string) (k cluster.Kind, name string, err error) {
	if len(args) == 1 {
		if kind, name, found := strings.Cut(args[0], "/"); found {
			args = []string{kind, name}
		}
	}
	switch {
	case len(args) == 0:
		return k, "", errors.New("what is to be explained? Name a file with -f, or a kind and a name, such as deploy web")
	case len(args) == 1 || args[1] == "":
		if _, err := cluster.FindKind(args[0]); err != nil {
			return k, "", fmt.Errorf("what is %s? Name its kind, such as deploy/%[1]s, or a file with -f", args[0])
		}
		return k, "", fmt.Errorf("which %s? Name it, such as %s web", args[0], args[0])
	}
	k, err = cluster.FindKind(args[0])
	return k, args[1], err
}

func (o *explainOptions) explainLive(ctx context.Context, k cluster.Kind, name string) ([]*explain.Report, error) {
	l, err := look(ctx, &o.cluster, o.policy)
	if err != nil {
		return nil, err
	}
	r, err := l.explain(ctx, k, name)
	if err != nil {
		return nil, err
	}
	return []*explain.Report{r}, nil
}

func (o *explainOptions) explainFiles(ctx context.Context, in io.Reader, errOut io.Writer) ([]*explain.Report, error) {
	policies, err := judgesAt(ctx, o.policy, &o.cluster)
	if err != nil {
		return nil, err
	}
	documents, err := o.inputs.read(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := notes(errOut, policies.Known(), documents, false); err != nil {
		return nil, err
	}
	policies.learn(documents)
	reports := []*explain.Report{}
	for _, d := range documents {
		objects, err := d.objects()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.source, err)
		}
		for _, found := range objects {
			c, err := policies.namespace(ctx, found.namespace)
			if err != nil {
				return nil, err
			}
			r, err := d.report(&found, policies.Policies, c)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", d.source, err)
			}
			reports = append(reports, r)
			o.judged = append(o.judged, d.judgement(r))
		}
		o.judged, o.rejected = append(o.judged, d.others(policies.Known())...), o.rejected || len(d.mistakes) > 0
	}
	if len(reports) == 0 {
		return nil, errors.New("there is no pod in these files, and nothing that makes pods")
	}
	return reports, nil
}

// namespacesIn finds the Namespaces that are in the files themselves, as a rendered chart
// has them, since their labels pick the policy.
func namespacesIn(documents []*document) map[string]*explain.Cluster {
	all := map[string]*explain.Cluster{}
	for _, d := range documents {
		var ns metav1.PartialObjectMetadata
		if json.Unmarshal(d.json, &ns) != nil || ns.Kind != "Namespace" || ns.APIVersion != "v1" {
			continue
		}
		labels := map[string]string{}
		maps.Copy(labels, ns.Labels)
		all[ns.Name] = &explain.Cluster{NamespaceName: ns.Name, Labels: labels}
	}
	return all
}

// complete offers kinds, and then names from the cluster.
func (o *explainOptions) complete(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return completeObject(cmd.Context(), &o.cluster, args)
}

// completeObject completes "KIND NAME".
func completeObject(ctx context.Context, flags *cluster.Flags, args []string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		var kinds []string
		for _, k := range cluster.Kinds() {
			kinds = append(kinds, k.Shown())
		}
		return kinds, cobra.ShellCompDirectiveNoFileComp
	}
	k, err := cluster.FindKind(args[0])
	if err != nil || len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	client, err := flags.Connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	names, _ := client.Names(ctx, k, client.Namespace) // a completion has nobody to tell of an error
	return names, cobra.ShellCompDirectiveNoFileComp
}
