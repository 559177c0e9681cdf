// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

type injectOptions struct {
	inputs  inputs
	output  string
	policy  string
	cluster cluster.Flags
}

func newInject() *cobra.Command {
	var o injectOptions
	cmd := &cobra.Command{
		Use:   "inject (-f FILE|DIR|URL|- | -k DIR)",
		Short: "Print objects as the webhook would make their pods",
		Long: `Print objects as the webhook would make their pods, without a cluster: the same
code decides here and there.

Pods, Deployments, StatefulSets, DaemonSets, ReplicaSets, ReplicationControllers,
Jobs, CronJobs, PodTemplates, custom resources with pod templates (such as Rollouts,
Knative Services and JobSets) and Lists of them are injected; every other object is
printed as it is, and a kind of custom resource without one is named on standard
error. If one object would be denied, nothing is printed, the reasons go to standard
error, and the exit code is 1.`,
		Example: `  # what would Pillion add?
  kubectl pillion inject -f web.yaml | diff web.yaml -

  # under another policy, or those that Namespaces among the files pick by their labels
  kubectl pillion inject -f web.yaml --policy policies/web.yaml -o json
  kubectl pillion inject -f rendered/ -R --policy policies/

  # a whole rendered chart
  helm template my-app | kubectl pillion inject -f - | kubectl apply -f -`,
		Args: filesByFlag,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.inputs.bind(cmd)
	cmd.Flags().StringVarP(&o.output, "output", "o", "yaml", "output format: yaml (keeps comments and order) or json")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"yaml", "json"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	policyFlag(cmd, &o.policy, filePolicyHelp)
	o.cluster.Bind(cmd.Flags())
	return cmd
}

func (o *injectOptions) run(ctx context.Context, in io.Reader, out, errOut io.Writer) error {
	print, known := map[string]func(io.Writer, []*document) error{"yaml": printYAML, "json": printJSON}[o.output]
	if !known {
		return fmt.Errorf("--output %q: must be yaml or json", o.output)
	}
	policies, err := judgesAt(ctx, o.policy, &o.cluster)
	if err != nil {
		return err
	}
	documents, err := o.inputs.read(ctx, in)
	if err != nil {
		return err
	}
	if err := notes(errOut, policies.Known(), documents, true); err != nil {
		return err
	}
	policies.learn(documents)
	denied, wrong := false, false
	for _, d := range documents {
		wrong = wrong || len(d.mistakes) > 0
		denials, err := d.inject(func(o *object) (*inject.Policy, error) { return policies.of(ctx, o.namespace) }, errOut)
		if err != nil {
			return err
		}
		for _, text := range denials {
			denied = true
			fmt.Fprintf(errOut, "error: %s\n", text)
		}
	}
	switch {
	case wrong:
		return errUnseen
	case denied:
		return errRefused
	}
	return print(out, documents)
}

// inject decides on every pod of a document, each by the policy of its namespace, and applies
// the patches. It returns the texts of the denials, and writes warnings as it goes.
func (d *document) inject(policyOf func(*object) (*inject.Policy, error), errOut io.Writer) (denials []string, err error) {
	objects, err := d.objects()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.source, err)
	}
	for i := range objects {
		o := &objects[i]
		p, err := policyOf(o)
		if err != nil {
			denials = append(denials, o.label(d)+": "+err.Error())
			continue
		}
		if o.misplaced {
			fmt.Fprintf(errOut, "warning: %s: the annotations of the %s itself have no effect; put them on its pod template, %s.metadata.annotations\n", o.label(d), o.kind, o.at.Path())
		}
		out, err := admission.Inject(injector(), p, d.json, o.at)
		if err != nil && len(d.mistakes) > 0 {
			continue // they are told
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.label(d), err)
		}
		for _, w := range out.Warnings {
			fmt.Fprintf(errOut, "warning: %s: %s\n", o.label(d), w)
		}
		if len(out.Plan.PullSecrets) > 0 && len(out.Pod.Spec.ImagePullSecrets) == 0 {
			fmt.Fprintf(errOut, "warning: %s: the policy's imagePullSecrets are added, so those of the ServiceAccount no longer are\n", o.label(d))
		}
		if out.Result == reason.Denied {
			denials = append(denials, d.denials(o, &out)...)
			continue
		}
		d.json = out.Patched
		if out.Patch != nil {
			d.patches = append(d.patches, out.Patch)
		}
	}
	return denials, nil
}
