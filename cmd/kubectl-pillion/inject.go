// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/policy"
	"github.com/pillion-dev/pillion/internal/version"
)

type injectOptions struct {
	inputs inputs
	output string
	policy string
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
error. If one object would be refused, nothing is printed, the reasons go to standard
error, and the exit code is 1.`,
		Example: `  # what would Pillion add?
  kubectl pillion inject -f web.yaml | diff web.yaml -

  # under the policy of another namespace
  kubectl pillion inject -f web.yaml --policy policies/web.yaml -o json

  # a whole rendered chart
  helm template my-app | kubectl pillion inject -f - | kubectl apply -f -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.inputs.bind(cmd)
	cmd.Flags().StringVarP(&o.output, "output", "o", "yaml", "output format: yaml (keeps comments and order) or json")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"yaml", "json"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	policyFlag(cmd, &o.policy, "policy file to apply (default: the built-in policy)")
	return cmd
}

func (o *injectOptions) run(ctx context.Context, in io.Reader, out, errOut io.Writer) error {
	print, known := map[string]func(io.Writer, []*document) error{"yaml": printYAML, "json": printJSON}[o.output]
	if !known {
		return fmt.Errorf("--output %q: must be yaml or json", o.output)
	}
	p := policy.Builtin()
	if o.policy != "" {
		loaded, err := policy.LoadFile(o.policy)
		if err != nil {
			return err
		}
		p = loaded
	}
	documents, err := o.inputs.read(ctx, in)
	if err != nil {
		return err
	}
	if err := notes(errOut, p.Known, documents); err != nil {
		return err
	}
	injector := inject.Injector{Version: version.String()}
	refused := false
	for _, d := range documents {
		refusals, err := d.inject(injector, p, errOut)
		if err != nil {
			return err
		}
		for _, text := range refusals {
			refused = true
			fmt.Fprintf(errOut, "error: %s\n", text)
		}
	}
	if refused {
		return errRefused
	}
	return print(out, documents)
}

// inject decides on every pod of a document and applies the patches. It returns the
// texts of the refusals, and writes warnings as it goes.
func (d *document) inject(in inject.Injector, p *inject.Policy, errOut io.Writer) (refusals []string, err error) {
	objects, err := d.objects()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.source, err)
	}
	for _, o := range objects {
		if o.misplaced {
			fmt.Fprintf(errOut, "warning: %s: the annotations of the %s itself have no effect; put them on its pod template, %s.metadata.annotations\n", o.label(d), o.kind, o.at.Path())
		}
		out, err := admission.Inject(in, p, d.json, o.at)
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
			refusals = append(refusals, o.label(d)+": "+out.Message())
			continue
		}
		d.json = out.Patched
		if out.Patch != nil {
			d.patches = append(d.patches, out.Patch)
		}
	}
	return refusals, nil
}
