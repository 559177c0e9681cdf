// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"
)

func newPolicyInit() *cobra.Command {
	return &cobra.Command{
		Use:   "init NAME",
		Short: "Write a policy to fill in",
		Long: `Write a policy to fill in, with a word on each field that most policies have. It is right
as it is, so that one can begin with it and lint each step.`,
		Example: `  kubectl pillion policy init web >policies/web.yaml
  kubectl label namespace shop pillion.dev/policy=web`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(validation.IsDNS1123Label(args[0])) > 0 {
				return fmt.Errorf("%q is no name of a policy: lower-case letters, digits and '-', since it is the value of a label", args[0])
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), policyScaffold, args[0])
			return err
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
}

const policyScaffold = `# yaml-language-server: $schema=https://pillion-dev.github.io/pillion/schema/policy.schema.json
#
# Namespaces with the label pillion.dev/policy=%[1]s have this policy. What is not listed is denied.
apiVersion: pillion.dev/v1alpha1
kind: InjectionPolicy
metadata: {name: %[1]s}
spec:
  limits: {helpersPerPod: 4}
  helpers:
    git-poller:
      options:
        repo: {allow: ["https://git.example.com/%[1]s/*"]} # a star stands for all below it
        period: {default: 1m, min: 30s}
        secret: {allow: ["git-*"]} # Secrets of the pod's own namespace
    date-writer: {} # as by default
  # inject: # what every pod gets that does not ask for it itself; require: the same, and no pod can opt out
  # - {helper: date-writer, options: {mount-path: /srv/date}}
`
