// SPDX-License-Identifier: Apache-2.0

// Package rule has what a policy says of helpers and their options, compiled: which values
// pods may set, and what the platform owns.
package rule

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pillion-dev/pillion/internal/inject/option"
)

// Rule is what a policy says about the values of one option.
type Rule struct {
	Default *option.Value // used when the pod says nothing
	Fixed   *option.Value // the only value; the pod may repeat it
	Min     *option.Value // of ordered kinds, inclusive
	Max     *option.Value
	Allow   []option.Pattern // if there are any, one has to match (each element of a list)

	kind *option.Kind // of the option's values
}

// Check tells why the rule denies a value. The error completes "policy … does not
// allow this value: ".
func (r *Rule) Check(v option.Value) error {
	switch {
	case r.Fixed != nil && r.Fixed.Text != v.Text:
		return fmt.Errorf("it is always %q", r.Fixed.Text)
	case r.Min != nil && v.Number < r.Min.Number:
		return fmt.Errorf("the minimum is %s", r.Min.Text)
	case r.Max != nil && v.Number > r.Max.Number:
		return fmt.Errorf("the maximum is %s", r.Max.Text)
	case len(r.Allow) == 0:
		return nil
	}
	elements := v.Names
	if elements == nil {
		elements = v.List
	}
	if elements == nil {
		elements = []string{v.Text}
	}
	for _, element := range elements {
		one := option.Value{Text: element, Data: v.Data}
		if slices.ContainsFunc(r.Allow, func(p option.Pattern) bool { return p.Matches(one) }) {
			continue
		}
		if v.Names != nil { // which of them the value is too long to show
			return fmt.Errorf("%q is not listed; allowed values: %s", element, r.allowed())
		}
		if r.kind != nil && r.kind.Unlisted != nil {
			if hint := r.kind.Unlisted(one); hint != "" {
				return errors.New("allowed values: " + r.allowed() + "; " + hint)
			}
		}
		return errors.New("allowed values: " + r.allowed())
	}
	return nil
}

// Opens reports whether the rule opens a path that is closed otherwise. r may be nil.
func (r *Rule) Opens(path *option.Closed) bool {
	return r != nil && (r.Fixed != nil && r.Fixed.Text == path.Value.Text || slices.ContainsFunc(r.Allow, path.OpenedBy))
}

// Lists reports whether a rule, which may be nil, names values that are allowed.
func (r *Rule) Lists() bool { return r != nil && (len(r.Allow) > 0 || r.Fixed != nil) }

// allowed lists the patterns for an error message; a long list is cut.
func (r *Rule) allowed() string {
	const most = 8
	var texts []string
	for _, p := range r.Allow {
		texts = append(texts, p.String())
	}
	if len(texts) > most {
		return option.Listed(texts[:most]) + fmt.Sprintf(" and %d more", len(texts)-most)
	}
	return option.Listed(texts)
}
