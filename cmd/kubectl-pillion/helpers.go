// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
	"github.com/pillion-dev/pillion/internal/inject/rule"
	"github.com/pillion-dev/pillion/internal/nearmiss"
	"github.com/pillion-dev/pillion/internal/policy"
)

type helpersOptions struct {
	output string
	policy string
}

func newHelpers() *cobra.Command {
	var o helpersOptions
	cmd := &cobra.Command{
		Use:   "helpers [NAME]",
		Short: "List the helpers, or the options of one",
		Long: `List the helpers that a pod can request, or the options of one: type, default,
bounds, and what a policy says of them: its rules, what it requires of every pod or
adds by default, and what holds for all helpers.

Exit codes: 0 all is well; 2 there is no such helper, or a flag or a policy is wrong.`,
		Example: `  kubectl pillion helpers

  # what may pods of this policy set on a git-poller?
  kubectl pillion helpers git-poller --policy policies/web.yaml

  # the page on a helper of the platform's own, for its documentation
  kubectl pillion helpers log-shipper --policy policies/ -o markdown`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeHelpers,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(args, cmd.OutOrStdout())
		},
	}
	policyFlag(cmd, &o.policy, "policy file whose rules are shown as well, with the helpers that are defined beside it; a definition; or a directory of both")
	outputFlag(cmd, &o.output)
	cmd.Flags().Lookup("output").Usage = "output format: text, json or yaml (always a list), or markdown: a page for app developers"
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json", "yaml", "markdown"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return cmd
}

func completeHelpers(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return helperNames(), cobra.ShellCompDirectiveNoFileComp
}

func helperNames() []string {
	return helpers.Builtin().Names()
}

func (o *helpersOptions) run(args []string, out io.Writer) error {
	if o.output != "markdown" {
		if checkOutput(o.output) != nil {
			return fmt.Errorf("--output %q: must be text, json, yaml or markdown", o.output)
		}
	}
	known, policies, err := o.read()
	if err != nil {
		return err
	}
	names := known.Names()
	if len(args) > 0 {
		if known.Find(args[0]) == nil {
			return fmt.Errorf("there is no helper %q; the helpers are %s%s", args[0], known, nearmiss.DidYouMean(nearmiss.Nearest(args[0], names)))
		}
		names = args
	}
	infos := make([]helperInfo, 0, len(names))
	for _, name := range names {
		info := aboutHelper(known.Find(name), nil)
		for i, p := range policies {
			under := aboutHelper(p.Known.Find(name), p)
			if i == 0 && len(policies) == 1 {
				info = under
			} else {
				info.under(&under)
			}
		}
		infos = append(infos, info)
	}
	switch {
	case o.output == "markdown":
		return printList(out, o.output, infos, helperMarkdown)
	case len(args) > 0:
		return printList(out, o.output, infos, helperText)
	}
	return printList(out, o.output, infos, helperListText)
}

// read reads what --policy names: a policy, a definition, or a directory of both.
func (o *helpersOptions) read() (*helper.Set, []*inject.Policy, error) {
	if o.policy == "" {
		return helpers.Builtin(), nil, nil
	}
	info, err := os.Stat(o.policy)
	if err != nil {
		return nil, nil, fmt.Errorf("reading a policy: %w", err)
	}
	if !info.IsDir() {
		return helpersOf(o.policy)
	}
	known, err := policy.HelpersAt(o.policy)
	if err != nil {
		return known, nil, err
	}
	all, err := policy.LoadDir(o.policy)
	if err != nil {
		return nil, nil, err
	}
	return known, byName(all), nil
}

// helpersOf reads a file: a definition, a policy, or several.
func helpersOf(name string) (*helper.Set, []*inject.Policy, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, fmt.Errorf("reading a policy: %w", err)
	}
	if policy.DefinesHelper(data) {
		known, err := policy.HelpersAt(name)
		return known, nil, err
	}
	all, err := policiesFrom(name)
	switch {
	case err != nil:
		return nil, nil, err
	case all.Only != nil:
		return all.Known(), []*inject.Policy{all.Only}, nil
	}
	return all.Known(), byName(all.ByName), nil
}

func byName(all map[string]*inject.Policy) []*inject.Policy {
	policies := make([]*inject.Policy, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		policies = append(policies, all[name])
	}
	return policies
}

// under adds what one policy of several says.
func (h *helperInfo) under(one *helperInfo) {
	if h.AllowedBy == nil {
		h.AllowedBy = []string{}
	}
	if one.Allowed == nil || !*one.Allowed {
		return
	}
	h.AllowedBy = append(h.AllowedBy, one.Policy)
	for i := range one.Options {
		o := &one.Options[i]
		at := slices.IndexFunc(h.Options, func(have optionInfo) bool { return have.Name == o.Name })
		if at < 0 { // an option that there is only under this policy
			at = len(h.Options)
			bare := *o
			bare.Rule, bare.Effective = "", ""
			h.Options = append(h.Options, bare)
		}
		if o.Rule != "" {
			h.Options[at].Rules = append(h.Options[at].Rules, optionRule{one.Policy, o.Rule})
		}
	}
}

func aboutHelper(h *helper.Helper, p *inject.Policy) helperInfo {
	info := helperInfo{Name: h.Name, Doc: h.Doc, Single: h.Single, Privileges: h.Privileges}
	var hp *rule.Helper
	if p != nil {
		hp = p.Helpers[h.Name]
		info.Policy, info.Allowed = p.Name, new(hp != nil)
		info.Added, info.PolicyFacts = additionsOf(h, p), factsOf(p)
	}
	if hp != nil {
		info.Engine, info.Reach = hp.Engine, reachOf(&hp.Reach)
	}
	for i := range h.Options {
		o := &h.Options[i]
		about := optionInfo{
			Name: o.Name, Key: h.Key("", o.Name), Type: o.Kind.Name, Required: o.Required, Default: o.Default,
			Min: o.Min, Max: o.Max, Choices: o.Kind.Choices, Example: o.Example, Doc: o.Doc,
		}
		if info.Engine != "" {
			about.Engine = o.WithGitSync
		}
		if hp != nil {
			about.Rule = explain.RuleText(hp.Rules[o.Name])
			if value, _, err := rule.Effective(o, hp.Rules[o.Name]); err == nil {
				about.Effective = value
			}
		}
		info.Options = append(info.Options, about)
	}
	return info
}
