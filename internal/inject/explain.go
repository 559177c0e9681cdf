// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// Asked is one helper that a pod asks for, option by option, for a person to read. It
// decides nothing.
type Asked struct {
	Helper   *helper.Helper
	Instance string
	Allowed  bool             // the policy lists the helper
	Reason   reason.Reason    // why it is there
	Added    *helper.Addition // by the policy to every pod; nil if it is not
	Options  []AskedOption
}

// AskedOption is one option of a helper that a pod asks for.
type AskedOption struct {
	Option *option.Option
	Path   string // of its annotation, or of the policy's value, as in the problems of a [Decision]
	Value  string // in canonical form; empty if it is unset or could not be read
	Source rule.Source
	Rule   *rule.Rule // what the policy says of it; nil if nothing
}

// Explain takes apart what a pod's annotations ask for, and what the policy adds, with the
// functions by which [Injector.Decide] does.
func Explain(p *pod.Pod, policy *Policy, root *field.Path) []Asked {
	asked := parse(policy.Known, p.Metadata.Annotations, root)
	policy.join(&asked, p, root)
	review(policy, p, asked.requests, root) // fills in defaults; its denials are in the Decision
	var all []Asked
	for _, r := range asked.requests {
		hp := policy.Helpers[r.Helper.Name]
		a := Asked{Helper: r.Helper, Instance: r.Instance, Allowed: hp != nil, Reason: r.Reason, Added: r.Added}
		for i := range r.Helper.Options {
			o := &r.Helper.Options[i]
			answer := AskedOption{Option: o, Path: r.Path(o.Name).String(), Value: r.Value(o.Name).Text}
			if hp != nil {
				answer.Rule = hp.Rules[o.Name]
			}
			switch {
			case r.Given(o.Name):
				answer.Source = rule.FromAnnotation
			case r.Added.Has(o.Name):
				answer.Source = map[bool]rule.Source{true: rule.FromRequire, false: rule.FromInject}[r.Added.Required]
			case answer.Value != "":
				_, answer.Source, _ = rule.Effective(o, answer.Rule)
			}
			a.Options = append(a.Options, answer)
		}
		all = append(all, a)
	}
	return all
}
