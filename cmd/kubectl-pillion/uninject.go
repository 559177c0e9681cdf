// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

type uninjectOptions struct {
	inputs  inputs
	output  string
	policy  string
	cluster cluster.Flags
}

func newUninject() *cobra.Command {
	var o uninjectOptions
	cmd := &cobra.Command{
		Use:   "uninject (-f FILE|DIR|URL|- | -k DIR)",
		Short: "Print objects without what inject added to them",
		Long: `Print objects without what inject added to them; comments and order stay.

What has a name of Pillion goes: its containers and volumes, their mounts, its program in
front of a command, and its status. The requests for helpers stay. A setting that the app
can have had itself (shareProcessNamespace, fsGroup, sysctls, variables, limits of huge
pages, imagePullSecrets, mounts of the pod's own volumes) goes if inject would add it again
under the policy, and so make exactly the input. If inject does not make the input again,
because the policy is another one or the file was changed since, such settings stay, and
standard error names them, except for variables and mounts.

Exit codes: 0 the objects are printed; 2 a file, a flag or a policy is wrong.`,
		Example: `  # undo an inject
  kubectl pillion uninject -f injected.yaml > web.yaml

  # of what was injected under the policies of the cluster
  kubectl pillion uninject -f injected.yaml --policy cluster`,
		Args: cobra.NoArgs,
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

func (o *uninjectOptions) run(ctx context.Context, in io.Reader, out, errOut io.Writer) error {
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
	if err := rejected(documents); err != nil {
		return err
	}
	policies.learn(documents)
	for _, d := range documents {
		objects, err := d.objects()
		if err != nil {
			return fmt.Errorf("%s: %w", d.source, err)
		}
		for i := range objects {
			p, err := policies.of(ctx, objects[i].namespace)
			if err != nil {
				return fmt.Errorf("%s: %w", objects[i].label(d), err)
			}
			if err := d.uninject(p, &objects[i], errOut); err != nil {
				return fmt.Errorf("%s: %w", objects[i].label(d), err)
			}
		}
	}
	return print(out, documents)
}

// uninject takes out of the document what inject added to one of its pods.
func (d *document) uninject(p *inject.Policy, o *object, errOut io.Writer) error {
	input := d.json
	u, err := newUndoing(input, o.at)
	if err != nil {
		return err
	}
	if u.takeOurs(); len(u.steps) == 0 {
		return nil
	}
	if u.makes(p, input) {
		u.takeSettings(p, input)
	} else {
		l := d.lines()
		for _, at := range u.settings() {
			if at.usual {
				continue
			}
			field := at.shown(o.at)
			fmt.Fprintf(errOut, "warning: %s: %s/%s: %s is left: whether inject added it is not known, since under policy %q inject does not make this file again\n",
				d.place(l, field), o.kind, o.name, field, p.Name)
		}
	}
	patch, err := json.Marshal(u.steps)
	if err != nil {
		return err
	}
	d.json, d.patches = u.document, append(d.patches, patch)
	return nil
}

// makes reports whether inject makes the input of what is left. The status is not compared:
// another version of Pillion writes another one.
func (u *undoing) makes(p *inject.Policy, input []byte) bool {
	out, err := admission.Inject(injector(), p, u.document, u.at)
	if err != nil || out.Result == reason.Denied {
		return false
	}
	return bytes.Equal(u.comparable(out.Patched), u.comparable(input))
}
