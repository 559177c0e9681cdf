// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// DefaultPolicy is the policy of namespaces without the label.
const DefaultPolicy = "default"

// Policies are those that are known.
type Policies struct {
	// Only is a policy that applies whatever a namespace says, such as a file that was
	// named on the command line.
	Only *inject.Policy
	// ByName holds the policies among which a namespace chooses, if Only is nil.
	ByName map[string]*inject.Policy
	// Source says where they come from, such as "policies/web.yaml".
	Source string
	// Assumed means that the cluster has others, perhaps, which could not be read.
	Assumed bool
	// Why says why Only applies, or why the cluster's are not known if they are assumed.
	Why string
}

// Adds reports whether a policy that is known adds something to pods that do not ask.
func (p *Policies) Adds() bool {
	if p.Only != nil {
		return p.Only.Adds()
	}
	for _, one := range p.ByName {
		if one.Adds() {
			return true
		}
	}
	return false
}

// Known are the helpers that there are, which all policies share.
func (p *Policies) Known() *helper.Set {
	if p.Only != nil {
		return p.Only.Known
	}
	for _, one := range p.ByName {
		return one.Known
	}
	return nil
}

// PolicyChoice is the policy of a report and how it was chosen.
type PolicyChoice struct {
	Name   string `json:"name"`
	Hash   string `json:"hash,omitempty"`
	Source string `json:"source"`
	Why    string `json:"why"`
	// StandIn means that the policy of the cluster is not known, and this one stands in
	// for it: what it denies may be allowed.
	StandIn bool `json:"standIn,omitempty"`

	// policy is nil if there is none of the name.
	policy *inject.Policy
	// certain means that it is the one that the webhook has.
	certain bool
	known   []string
}

// Choose finds the policy of a namespace. c is nil without a cluster.
func (p *Policies) Choose(c *Cluster) (PolicyChoice, []Finding) {
	var findings []Finding
	name, why := DefaultPolicy, "a namespace without the label "+PolicyLabel+" has the policy "+DefaultPolicy
	label, labelled := c.label()
	switch {
	case labelled:
		name, why = label, fmt.Sprintf("the namespace %s has the label %s: %s", c.NamespaceName, PolicyLabel, label)
	case c != nil && c.Labels != nil:
		why = fmt.Sprintf("the namespace %s has no label %s", c.NamespaceName, PolicyLabel)
	}
	if entries := c.entries(); len(entries) > 0 {
		entry := entries[0]
		why += fmt.Sprintf("; the webhook %s is sent its pods", entry.Name)
		// An entry for an unknown policy is the one that denies unknown labels.
		if entry.Policy != name && (p.ByName[entry.Policy] != nil || p.Only != nil || p.Assumed) {
			findings = append(findings, Finding{
				Code: PolicyLabelIgnored, Problem: labelled,
				Text: fmt.Sprintf("the webhook %s of %s applies the policy %q to this namespace, not %q", entry.Name, entry.Configuration, entry.Policy, name),
				Fix:  "reinstall the webhook configuration, with an entry for each policy",
			})
			name = entry.Policy
		}
	}
	if p.Only != nil {
		return PolicyChoice{
			Name: p.Only.Name, Hash: p.Only.Hash, Source: p.Source, policy: p.Only, certain: p.Only.Name == name,
			Why: p.Why,
		}, findings
	}
	choice := PolicyChoice{Name: name, Source: p.Source, Why: why, policy: p.ByName[name], certain: !p.Assumed, known: slices.Sorted(maps.Keys(p.ByName))}
	if p.Assumed {
		findings = append(findings, Finding{
			Code: PolicyNotKnown,
			Text: fmt.Sprintf("the policy %q of the cluster is not known: %s; the built-in policy is used instead", name, p.Why),
			Fix:  "name its file, or the directory of all of them, with --policy",
		})
		choice.policy, choice.StandIn = p.ByName[DefaultPolicy], true
	}
	if choice.policy != nil {
		choice.Hash = choice.policy.Hash
	}
	return choice, findings
}

// Policy is the policy itself; an error says that there is none of its name.
func (p *PolicyChoice) Policy() (*inject.Policy, error) {
	if p.policy == nil {
		_, why := p.unknown()
		return nil, fmt.Errorf("%s: %s", p.Why, why)
	}
	return p.policy, nil
}

// unknown is the decision on a pod whose namespace picks a policy that does not exist.
func (p *PolicyChoice) unknown() (inject.Decision, string) {
	return inject.Decision{Result: reason.Denied, Reason: reason.UnknownPolicy, Policy: p.Name},
		fmt.Sprintf("the policy %q does not exist (%s); there is %s", p.Name, p.Source, strings.Join(p.known, ", "))
}
