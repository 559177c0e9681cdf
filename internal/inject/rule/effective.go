// SPDX-License-Identifier: Apache-2.0

package rule

import "github.com/pillion-dev/pillion/internal/inject/option"

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

// Effective is the value that an option has under a rule (nil for none) when a pod
// says nothing. The error tells why the rule denies the option's own default.
func Effective(o *option.Option, rule *Rule) (value string, from Source, err error) {
	switch {
	case rule != nil && rule.Fixed != nil:
		return rule.Fixed.Text, FromFixed, nil
	case rule != nil && rule.Default != nil:
		return rule.Default.Text, FromPolicy, nil
	case o.Default == "":
		return "", FromNowhere, nil
	}
	v, err := DefaultWithin(o, rule)
	return v.Text, FromDefault, err
}

// DefaultWithin is the declared default, moved to the nearest bound that the policy
// sets: a policy that says "max: 30s" need not say "default: 30s" as well.
func DefaultWithin(o *option.Option, rule *Rule) (option.Value, error) {
	v, err := o.DefaultValue()
	if err != nil || rule == nil {
		return v, err
	}
	if rule.Min != nil && v.Number < rule.Min.Number {
		v = *rule.Min
	}
	if rule.Max != nil && v.Number > rule.Max.Number {
		v = *rule.Max
	}
	return v, rule.Check(v)
}
