// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/rule"
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
		Long: `List the helpers that a pod can ask for, or the options of one: type, default,
bounds, and what a policy says of them: its rules, what it requires of every pod or
adds by default, and what holds for all helpers.

Exit codes: 0 all is well; 2 there is no such helper, or a flag or a policy is wrong.`,
		Example: `  kubectl pillion helpers

  # what may pods of this policy set on a git-poller?
  kubectl pillion helpers git-poller --policy policies/web.yaml`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeHelpers,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(args, cmd.OutOrStdout())
		},
	}
	policyFlag(cmd, &o.policy, "policy file whose rules are shown as well")
	outputFlag(cmd, &o.output)
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

// helperInfo is a helper as it is told to people and scripts.
type helperInfo struct {
	Name    string       `json:"name"`
	Doc     string       `json:"doc"`
	Options []optionInfo `json:"options"`
	Policy  string       `json:"policy,omitempty"`  // name of the policy that was given
	Allowed *bool        `json:"allowed,omitempty"` // by it
	// Privileges are what a helper that the platform defines needs beyond Pod Security's restricted.
	Privileges []string `json:"privileges,omitempty"`
	Engine     string   `json:"engine,omitempty"` // that it chose, unless it is our own program
	// Reach is how the policy has servers reached.
	Reach *reachInfo `json:"reach,omitempty"`

	Added       []additionInfo `json:"added,omitempty"`       // by the policy, to pods that do not ask
	PolicyFacts *policyFacts   `json:"policyFacts,omitempty"` // the same for all helpers
}

type optionInfo struct {
	Name     string   `json:"name"`
	Key      string   `json:"key"` // of the annotation
	Type     string   `json:"type"`
	Required bool     `json:"required"`
	Default  string   `json:"default,omitempty"`
	Min      string   `json:"min,omitempty"`
	Max      string   `json:"max,omitempty"`
	Choices  []string `json:"choices,omitempty"`
	Example  string   `json:"example,omitempty"`
	Doc      string   `json:"doc"`
	Engine   string   `json:"engine,omitempty"` // what is different with the policy's engine

	Rule      string `json:"rule,omitempty"`      // what the policy says of it
	Effective string `json:"effective,omitempty"` // what a pod that says nothing gets under the policy
}

func (o *helpersOptions) run(args []string, out io.Writer) error {
	if err := checkOutput(o.output); err != nil {
		return err
	}
	known := helpers.Builtin()
	var p *inject.Policy
	if o.policy != "" {
		var err error
		if p, err = policy.LoadFile(o.policy); err != nil {
			return err
		}
		known = p.Known
	}
	list := known.All()
	if len(args) > 0 {
		h := known.Find(args[0])
		if h == nil {
			return fmt.Errorf("there is no helper %q; the helpers are %s%s", args[0], known, option.DidYouMean(option.Nearest(args[0], known.Names())))
		}
		list = []*helper.Helper{h}
	}
	infos := make([]helperInfo, 0, len(list))
	for _, h := range list {
		infos = append(infos, aboutHelper(h, p))
	}
	if len(args) > 0 {
		return printList(out, o.output, infos, helperText)
	}
	return printList(out, o.output, infos, helperListText)
}

func aboutHelper(h *helper.Helper, p *inject.Policy) helperInfo {
	info := helperInfo{Name: h.Name, Doc: h.Doc, Privileges: h.Privileges}
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

func helperListText(b *strings.Builder, all []helperInfo) {
	for i, h := range all {
		if i > 0 {
			b.WriteString("\n")
		}
		h.head(b)
		var required []string
		for _, o := range h.Options {
			if o.Required {
				required = append(required, o.Key)
			}
		}
		if len(required) > 0 {
			fmt.Fprintf(b, "  needs %s\n", strings.Join(required, ", "))
		}
	}
	policyText(b, all)
	if len(all) > 0 {
		fmt.Fprintf(b, "\nThe options of one: kubectl pillion helpers %s\n", all[0].Name)
	}
}

func (h *helperInfo) head(b *strings.Builder) {
	b.WriteString(h.Name)
	if h.Allowed != nil && !*h.Allowed {
		fmt.Fprintf(b, " (policy %q does not allow it)", h.Policy)
	}
	if h.Engine != "" {
		fmt.Fprintf(b, " (policy %q: engine %s)", h.Policy, h.Engine)
	}
	b.WriteString("\n")
	wrapped(b, "  ", h.Doc)
	if len(h.Privileges) > 0 {
		wrapped(b, "  ", "needs the privileges "+option.JoinAnd(h.Privileges))
	}
	if h.Reach != nil {
		for _, text := range h.Reach.sentences() {
			wrapped(b, "  ", fmt.Sprintf("policy %q: %s", h.Policy, text))
		}
	}
	for _, a := range h.Added {
		wrapped(b, "  ", a.text(h.Policy))
	}
}

func helperText(b *strings.Builder, all []helperInfo) {
	for _, h := range all {
		h.head(b)
		for _, o := range h.Options {
			fmt.Fprintf(b, "\n%s\n", o.Key)
			wrapped(b, "    ", o.Doc)
			fmt.Fprintf(b, "    %s\n", strings.Join(o.facts(), "; "))
			if o.Engine != "" {
				wrapped(b, "    ", "engine "+h.Engine+": "+o.Engine)
			}
			if o.Rule != "" {
				fmt.Fprintf(b, "    policy %q: %s\n", h.Policy, o.Rule)
			}
		}
	}
	policyText(b, all)
}

// facts are what the declaration says of an option's values.
func (o *optionInfo) facts() []string {
	facts := []string{o.Type}
	if len(o.Choices) > 0 {
		facts[0] = strings.Join(o.Choices, " or ")
	}
	switch {
	case o.Min != "" && o.Max != "":
		facts = append(facts, "from "+o.Min+" to "+o.Max)
	case o.Min != "":
		facts = append(facts, "at least "+o.Min)
	case o.Max != "":
		facts = append(facts, "at most "+o.Max)
	}
	switch {
	case o.Effective != "" && o.Effective != o.Default:
		facts = append(facts, "default here "+o.Effective)
	case o.Default != "":
		facts = append(facts, "default "+o.Default)
	case o.Required:
		facts = append(facts, "required")
	}
	if o.Example != "" {
		facts = append(facts, "such as "+o.Example)
	}
	return facts
}

// wrapped writes a text in lines of at most 96 characters.
func wrapped(b *strings.Builder, indent, text string) {
	const width = 96
	line := indent
	for word := range strings.FieldsSeq(text) {
		if len(line)+len(word) > width && line != indent {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		line += word + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}
