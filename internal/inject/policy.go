// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// PolicyLabel is the label by which a namespace picks its policy.
const PolicyLabel = Domain + "/policy"

// NoPolicy is what a namespace gets whose label names no policy, so no policy can have
// this name.
const NoPolicy = "unknown"

// Policy is what the platform team decides, compiled: every value is parsed and
// every pattern is taken apart. Package policy reads it from a file.
type Policy struct {
	Name        string
	Hash        string // of the canonical form of the file
	Warn        bool   // what the policy would refuse is admitted, injected and warned of
	HostNetwork bool   // helpers may go into pods that use the node's network
	Limits      Limits
	Helpers     map[string]*HelperPolicy

	Require []*Addition // what every pod gets
	Inject  []*Addition // what every pod gets that does not opt out

	// Unlisted are the helpers that the policy does not allow, for a policy that warns:
	// what it has for all helpers, and no rule.
	Unlisted map[string]*HelperPolicy

	GVisor        []string // the RuntimeClasses that run pods in gVisor
	DeniedClasses []string // the RuntimeClasses in which helpers are not allowed
}

// Adds tells whether the policy adds something to pods that do not ask.
func (p *Policy) Adds() bool { return len(p.Require)+len(p.Inject) > 0 }

// path is that of the policy's spec for an error text on a pod.
func (p *Policy) path() *field.Path { return field.NewPath(fmt.Sprintf("policy %q: spec", p.Name)) }

// deniesClass tells whether the policy has no helpers for the pod's RuntimeClass.
func (p *Policy) deniesClass(s *Spec) bool {
	return s.RuntimeClassName != nil && slices.Contains(p.DeniedClasses, *s.RuntimeClassName)
}

// helper is what the policy has for a helper; nil if that cannot be injected.
func (p *Policy) helper(name string) *HelperPolicy {
	if hp := p.Helpers[name]; hp != nil {
		return hp
	}
	return p.Unlisted[name]
}

// HelperPolicy is what the platform owns of one helper. No annotation reaches it.
type HelperPolicy struct {
	Engine      Engine // whose flags the container gets; empty is our own program
	Image       string
	PullPolicy  corev1.PullPolicy
	PullSecrets []corev1.LocalObjectReference
	Resources   corev1.ResourceRequirements
	RunAsUser   *int64            // nil is left out of the container, for whoever assigns users in the namespace
	RunAsGroup  *int64            // the same
	VolumeSize  resource.Quantity // sizeLimit of the volume that the helper fills
	Rules       map[string]*Rule  // by option name
}

// Rule is what a policy says about the values of one option.
type Rule struct {
	Default *Value // used when the pod says nothing
	Fixed   *Value // the only value; the pod may repeat it
	Min     *Value // of ordered kinds, inclusive
	Max     *Value
	Allow   []Pattern // if there are any, one has to match (each element of a list)
}

// RuleSpec is a rule as it is written in a policy file.
type RuleSpec struct {
	// Default is used when the pod says nothing.
	Default *Text `json:"default,omitempty"`
	// Allow lists values or patterns of them, one of which has to match; of a list each element.
	// A pod that leaves the option containers out means all of its containers.
	Allow Texts `json:"allow,omitempty"`
	// Min is the least that a number, a duration or a size may be.
	Min *Text `json:"min,omitempty"`
	// Max is the most.
	Max *Text `json:"max,omitempty"`
	// Fixed is the only value. A pod may repeat it.
	Fixed *Text `json:"fixed,omitempty"`
}

// Text is a scalar of a policy file. Annotations are always text; in YAML a person
// writes "max: 5" and "default: false" without quotes, and means the same.
type Text string

// Texts is a list of them. It has to be a list where it is written at all.
type Texts []Text

// UnmarshalJSON takes a list and nothing else: "allow:" with nothing behind it is null,
// which would read as no rule.
func (t *Texts) UnmarshalJSON(data []byte) error {
	if data[0] != '[' {
		return fmt.Errorf("allow: must be a list, such as [a, b], not %s", data)
	}
	return json.Unmarshal(data, (*[]Text)(t))
}

// UnmarshalJSON takes a string, a number or a boolean.
func (t *Text) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case '"':
		return json.Unmarshal(data, (*string)(t))
	case '{', '[', 'n':
		return fmt.Errorf("a value must be a text, a number or a boolean, not %s", data)
	}
	*t = Text(data)
	return nil
}

// Compile parses a rule against its option. The errors carry the paths of the wrong
// fields below at; what a rule says about itself is checked as well: a default that
// the rule's own bounds refuse is a mistake in the policy, found before it serves.
func (s RuleSpec) Compile(o *Option, at *field.Path) (*Rule, field.ErrorList) {
	var errs field.ErrorList
	value := func(name string, text *Text) *Value {
		if text == nil {
			return nil
		}
		v, err := o.Parse(string(*text))
		if err != nil {
			errs = append(errs, field.Invalid(at.Child(name), string(*text), err.Error()))
			return nil
		}
		return &v
	}
	r := &Rule{Default: value("default", s.Default), Fixed: value("fixed", s.Fixed)}
	if o.Kind.Ordered() {
		r.Min, r.Max = value("min", s.Min), value("max", s.Max)
	} else if s.Min != nil || s.Max != nil {
		errs = append(errs, field.Forbidden(at, fmt.Sprintf("min and max are for numbers, durations and sizes, and %s is none of these", o.Name)))
	}
	if s.Allow != nil && len(s.Allow) == 0 {
		errs = append(errs, field.Invalid(at.Child("allow"), "[]", "allows no value at all; remove it, or name what is allowed"))
	}
	for i, text := range s.Allow {
		p, err := compilePattern(o, string(text))
		if err != nil {
			errs = append(errs, field.Invalid(at.Child("allow").Index(i), string(text), err.Error()))
			continue
		}
		r.Allow = append(r.Allow, p)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return r, r.contradictions(at)
}

// Spec is the rule as it would be written with each value in its canonical form, so that
// two ways to write one rule are one.
func (r *Rule) Spec() RuleSpec {
	text := func(v *Value) *Text {
		if v == nil {
			return nil
		}
		return new(Text(v.Text))
	}
	s := RuleSpec{Default: text(r.Default), Min: text(r.Min), Max: text(r.Max), Fixed: text(r.Fixed)}
	for _, p := range r.Allow {
		s.Allow = append(s.Allow, Text(p.text))
	}
	return s
}

// contradictions finds rules that no value, or not their own default, can meet.
func (r *Rule) contradictions(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if r.Min != nil && r.Max != nil && r.Min.num > r.Max.num {
		errs = append(errs, field.Invalid(at.Child("min"), r.Min.Text, "is above max, "+r.Max.Text))
	}
	if r.Fixed != nil && r.Default != nil {
		errs = append(errs, field.Forbidden(at.Child("default"), "a fixed value leaves no room for a default; remove one of the two"))
	}
	bounds := &Rule{Min: r.Min, Max: r.Max, Allow: r.Allow}
	own := func(name string, v *Value) {
		if v == nil {
			return
		}
		if err := bounds.check(*v); err != nil {
			errs = append(errs, field.Invalid(at.Child(name), v.Text, "is refused by the rule itself: "+err.Error()))
		}
	}
	own("default", r.Default)
	own("fixed", r.Fixed)
	return errs
}

// check tells why the rule refuses a value. The error completes "policy … does not
// allow this value: ".
func (r *Rule) check(v Value) error {
	switch {
	case r.Fixed != nil && r.Fixed.Text != v.Text:
		return fmt.Errorf("it is always %q", r.Fixed.Text)
	case r.Min != nil && v.num < r.Min.num:
		return fmt.Errorf("the least is %s", r.Min.Text)
	case r.Max != nil && v.num > r.Max.num:
		return fmt.Errorf("the most is %s", r.Max.Text)
	case len(r.Allow) == 0:
		return nil
	}
	elements := v.names
	if elements == nil {
		elements = v.List
	}
	if elements == nil {
		elements = []string{v.Text}
	}
	for _, element := range elements {
		one := Value{Text: element, repo: v.repo}
		if !slices.ContainsFunc(r.Allow, func(p Pattern) bool { return p.matches(one) }) {
			if v.repo != nil && v.repo.ip {
				return errors.New("allowed is " + r.allowed() + "; an IP address has to be named literally")
			}
			if v.names != nil { // which of them the value is too long to show
				return fmt.Errorf("%q is not listed; allowed is %s", element, r.allowed())
			}
			return errors.New("allowed is " + r.allowed())
		}
	}
	return nil
}

// lists tells whether a rule, which may be nil, names values that are allowed.
func (r *Rule) lists() bool { return r != nil && (len(r.Allow) > 0 || r.Fixed != nil) }

// allowed lists the patterns for an error text; a long list is cut.
func (r *Rule) allowed() string {
	const most = 8
	var texts []string
	for _, p := range r.Allow {
		texts = append(texts, p.text)
	}
	if len(texts) > most {
		return strings.Join(texts[:most], ", ") + fmt.Sprintf(" and %d more", len(texts)-most)
	}
	return joinOr(texts)
}

// review applies the policy to what a pod asks for: refuses, and fills in defaults.
func review(p *Policy, pod *Pod, requests []*Request, root *field.Path) []Problem {
	var problems []Problem
	if pod.Spec.HostNetwork && !p.HostNetwork && len(requests) > 0 {
		problems = append(problems, forbidden(HostNetwork, root.Child("spec", "hostNetwork"),
			"policy %q does not allow helpers in pods that use the node's network (%s); %s", p.Name, requests[0].Helper.Name, p.either("remove hostNetwork", " or the annotations")))
	}
	if p.deniesClass(&pod.Spec) && len(requests) > 0 {
		problems = append(problems, invalid(RuntimeClass, root.Child("spec", "runtimeClassName"), *pod.Spec.RuntimeClassName,
			"policy %q does not allow helpers in pods of this class (%s); %s", p.Name, requests[0].Helper.Name, p.either("use another one", ", or remove the annotations")))
	}
	for _, r := range requests {
		if p.Helpers[r.Helper.Name] == nil {
			problems = append(problems, forbidden(HelperNotAllowed, r.anyPath(),
				"policy %q does not allow %s; it allows %s", p.Name, r.Helper.Name, p.allowedHelpers()))
		}
		hp := p.helper(r.Helper.Name)
		if hp == nil {
			continue
		}
		for i := range r.Helper.Options {
			if problem := reviewOption(p, hp, r, &r.Helper.Options[i]); problem != nil {
				problems = append(problems, *problem)
			}
		}
		if problem := reviewEveryContainer(p, hp, r, &pod.Spec); problem != nil {
			problems = append(problems, *problem)
		}
		if r.Helper.check != nil {
			found := r.Helper.check(r)
			r.wayOut(found)
			problems = append(problems, found...)
		}
	}
	return problems
}

// reviewOption checks the value that the pod gave, or fills in the one that the
// policy or the option's declaration has for it.
func reviewOption(policy *Policy, hp *HelperPolicy, r *Request, o *Option) *Problem {
	rule := hp.Rules[o.Name]
	if r.given(o.Name) {
		if !r.Has(o.Name) { // a value that did not parse has been reported
			return nil
		}
		v := r.Value(o.Name)
		if problem := r.required(policy, o.Name, v); problem != nil {
			return problem
		}
		if o.Listed && len(v.names) > 0 && !rule.lists() {
			p := invalid(ValueNotAllowed, r.path(o.Name), v.Text, "policy %q does not allow %q: a pod may set what the policy's list for %s allows, and it has none", policy.Name, v.names[0], o.Name)
			return &p
		}
		if rule == nil {
			return nil
		}
		if err := rule.check(v); err != nil {
			p := invalid(ValueNotAllowed, r.path(o.Name), v.Text, "policy %q does not allow this value: %s", policy.Name, err)
			return &p
		}
		return nil
	}
	switch {
	case r.take(policy, o.Name):
	case rule != nil && rule.Fixed != nil:
		r.set(o.Name, *rule.Fixed)
		r.own(o.Name, policy.path().Child("helpers").Key(r.Helper.Name).Child("options").Key(o.Name).Child("fixed"))
	case rule != nil && rule.Default != nil:
		r.set(o.Name, *rule.Default)
	case o.Default != "":
		v, err := o.defaultWithin(rule)
		if err == nil || policy.Warn {
			r.set(o.Name, v)
		}
		if err != nil {
			p := invalid(ValueNotAllowed, r.path(o.Name), v.Text, "policy %q does not allow the default: %s; set the annotation", policy.Name, err)
			return &p
		}
	case o.Required:
		p := Problem{MissingOption, field.Required(r.path(o.Name), fmt.Sprintf("%s needs it, such as %q", r.Helper.Name, o.Example))}
		return &p
	}
	return nil
}

// defaultWithin is the declared default, moved to the nearest bound that the policy
// sets: a policy that says "max: 30s" need not say "default: 30s" as well.
func (o *Option) defaultWithin(rule *Rule) (Value, error) {
	v, err := o.Parse(o.Default)
	if err != nil || rule == nil {
		return v, err
	}
	if rule.Min != nil && v.num < rule.Min.num {
		v = *rule.Min
	}
	if rule.Max != nil && v.num > rule.Max.num {
		v = *rule.Max
	}
	return v, rule.check(v)
}

// anyPath is the path of the first annotation that asks for the helper.
func (r *Request) anyPath() *field.Path {
	for i := range r.Helper.Options {
		if r.settings[i].given {
			return r.path(r.Helper.Options[i].Name)
		}
	}
	return annotationsPath(r.root)
}

func (p *Policy) allowedHelpers() string {
	var names []string
	for _, h := range Helpers() {
		if p.Helpers[h.Name] != nil {
			names = append(names, h.Name)
		}
	}
	if len(names) == 0 {
		return "no helper at all"
	}
	return joinAnd(names)
}
