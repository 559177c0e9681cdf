// SPDX-License-Identifier: Apache-2.0

package inject

import "k8s.io/apimachinery/pkg/util/validation/field"

// Source says where the value of an option comes from.
type Source string

// The sources, the strongest first.
const (
	FromFixed      Source = "policy, fixed"
	FromRequire    Source = "policy, required"
	FromAnnotation Source = "annotation"
	FromInject     Source = "policy, injected"
	FromPolicy     Source = "policy, default"
	FromDefault    Source = "default"
	FromNowhere    Source = ""
)

// Asked is one helper that a pod asks for, option by option, for a person to read. It
// decides nothing.
type Asked struct {
	Helper   *Helper
	Instance string
	Allowed  bool      // the policy lists the helper
	Reason   Reason    // why it is there
	Added    *Addition // by the policy to every pod; nil if it is not
	Options  []AskedOption
}

// AskedOption is one option of a helper that a pod asks for.
type AskedOption struct {
	Option *Option
	Path   string // of its annotation, or of the policy's value, as in the problems of a [Decision]
	Value  string // in canonical form; empty if it is unset or could not be read
	Source Source
	Rule   *Rule // what the policy says of it; nil if nothing
}

// Explain takes apart what a pod's annotations ask for, and what the policy adds, with the
// functions by which [Injector.Decide] does.
func Explain(pod *Pod, policy *Policy, root *field.Path) []Asked {
	asked := parse(pod.Metadata.Annotations, root)
	policy.join(&asked, pod, root)
	review(policy, pod, asked.requests, root) // fills in defaults; its refusals are in the Decision
	var all []Asked
	for _, r := range asked.requests {
		hp := policy.Helpers[r.Helper.Name]
		a := Asked{Helper: r.Helper, Instance: r.Instance, Allowed: hp != nil, Reason: r.Reason, Added: r.added}
		for i := range r.Helper.Options {
			o := &r.Helper.Options[i]
			answer := AskedOption{Option: o, Path: r.path(o.Name).String(), Value: r.Value(o.Name).Text}
			if hp != nil {
				answer.Rule = hp.Rules[o.Name]
			}
			switch {
			case r.given(o.Name):
				answer.Source = FromAnnotation
			case r.added.has(o.Name):
				answer.Source = map[bool]Source{true: FromRequire, false: FromInject}[r.added.Required]
			case answer.Value != "":
				_, answer.Source, _ = o.Effective(answer.Rule)
			}
			a.Options = append(a.Options, answer)
		}
		all = append(all, a)
	}
	return all
}

// Effective is the value that an option has under a rule (nil for none) when a pod
// says nothing. The error tells why the rule refuses the option's own default.
func (o *Option) Effective(rule *Rule) (value string, from Source, err error) {
	switch {
	case rule != nil && rule.Fixed != nil:
		return rule.Fixed.Text, FromFixed, nil
	case rule != nil && rule.Default != nil:
		return rule.Default.Text, FromPolicy, nil
	case o.Default == "":
		return "", FromNowhere, nil
	}
	v, err := o.defaultWithin(rule)
	return v.Text, FromDefault, err
}

// String is the pattern as it was written.
func (p Pattern) String() string { return p.text }
