// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/option"
)

// Spec is a rule as it is written in a policy file.
type Spec struct {
	// Default is used when the pod says nothing.
	Default *Text `json:"default,omitempty"`
	// Allow lists values or patterns of them, one of which has to match; of a list each element.
	// A pod that leaves the option containers out means all of its containers.
	Allow Texts `json:"allow,omitempty"`
	// Min is the minimum of a number, a duration or a size.
	Min *Text `json:"min,omitempty"`
	// Max is the maximum.
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
		return fmt.Errorf("a value must be a string, a number or a boolean, not %s", data)
	}
	*t = Text(data)
	return nil
}

// Compile parses a rule against its option. The errors carry the paths of the wrong
// fields below at; what a rule says about itself is checked as well: a default that
// the rule's own bounds deny is a mistake in the policy, found before it serves.
func (s Spec) Compile(o *option.Option, at *field.Path) (*Rule, field.ErrorList) {
	var errs field.ErrorList
	value := func(name string, text *Text) *option.Value {
		if text == nil {
			return nil
		}
		v, err := option.Opened(o.Parse(string(*text)))
		if err != nil {
			errs = append(errs, field.Invalid(at.Child(name), string(*text), err.Error()))
			return nil
		}
		return &v
	}
	r := &Rule{kind: &o.Kind, Default: value("default", s.Default), Fixed: value("fixed", s.Fixed)}
	if o.Kind.Ordered {
		r.Min, r.Max = value("min", s.Min), value("max", s.Max)
	} else if s.Min != nil || s.Max != nil {
		errs = append(errs, field.Forbidden(at, fmt.Sprintf("min and max are for numbers, durations and sizes, and %s is none of these", o.Name)))
	}
	if s.Allow != nil && len(s.Allow) == 0 {
		errs = append(errs, field.Invalid(at.Child("allow"), "[]", "allows no value at all; remove it, or name what is allowed"))
	}
	for i, text := range s.Allow {
		p, err := o.Pattern(string(text))
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
func (r *Rule) Spec() Spec {
	text := func(v *option.Value) *Text {
		if v == nil {
			return nil
		}
		return new(Text(v.Text))
	}
	s := Spec{Default: text(r.Default), Min: text(r.Min), Max: text(r.Max), Fixed: text(r.Fixed)}
	for _, p := range r.Allow {
		s.Allow = append(s.Allow, Text(p.String()))
	}
	return s
}

// contradictions finds rules that no value, or not their own default, can meet.
func (r *Rule) contradictions(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if r.Min != nil && r.Max != nil && r.Min.Number > r.Max.Number {
		errs = append(errs, field.Invalid(at.Child("min"), r.Min.Text, "is above max, "+r.Max.Text))
	}
	if r.Fixed != nil && r.Default != nil {
		errs = append(errs, field.Forbidden(at.Child("default"), "a fixed value leaves no room for a default; remove one of the two"))
	}
	bounds := &Rule{kind: r.kind, Min: r.Min, Max: r.Max, Allow: r.Allow}
	own := func(name string, v *option.Value) {
		if v == nil {
			return
		}
		if err := bounds.Check(*v); err != nil {
			errs = append(errs, field.Invalid(at.Child(name), v.Text, "breaks the rule itself: "+err.Error()))
		}
	}
	own("default", r.Default)
	own("fixed", r.Fixed)
	return errs
}
