// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/rule"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// AdditionSpec is an addition as it is written in a policy file.
type AdditionSpec struct {
	// Helper is its name. It has to be one that the policy lists under helpers.
	Helper string `json:"helper"`
	// Instance is its instance, if it is not the one without a name.
	Instance string `json:"instance,omitempty"`
	// Options are values of its options, within the policy's own rules. Names of containers
	// cannot be among them: every pod has others.
	Options map[string]rule.Text `json:"options,omitempty"`
}

// Compile parses an addition against what the policy has for its helper, and replaces the
// values by their canonical forms. The errors carry the paths of the wrong fields below at.
func (s *AdditionSpec) Compile(p *Policy, required bool, index int, at *field.Path) (*helper.Addition, field.ErrorList) {
	h := p.Known.Find(s.Helper)
	if h == nil {
		return nil, field.ErrorList{field.NotFound(at.Child("helper"), fmt.Sprintf("%s; the helpers are %s%s", s.Helper, p.Known, nearmiss.DidYouMean(nearmiss.Nearest(s.Helper, p.Known.Names()))))}
	}
	hp := p.Helpers[h.Name]
	if hp == nil {
		return nil, field.ErrorList{field.Invalid(at.Child("helper"), h.Name, "is not among spec.helpers, so pods may not have it; list it there")}
	}
	var errs field.ErrorList
	if s.Instance != "" {
		if text := h.WrongInstance(s.Instance); text != "" {
			errs = append(errs, field.Invalid(at.Child("instance"), s.Instance, text))
		}
	}
	a := &helper.Addition{Helper: h, Instance: s.Instance, Required: required, Index: index, Values: map[string]option.Value{}}
	options := at.Child("options")
	for _, name := range slices.Sorted(maps.Keys(s.Options)) {
		v, err := s.value(h, hp, name, options.Key(name))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		a.Values[name], s.Options[name] = v, rule.Text(v.Text)
	}
	for i := range h.Options {
		o := &h.Options[i]
		value, _, _ := rule.Effective(o, hp.Rules[o.Name])
		if _, set := s.Options[o.Name]; o.Required && !set && value == "" {
			errs = append(errs, field.Required(options.Key(o.Name), fmt.Sprintf("%s needs it, such as %q, and a pod without annotations does not set it", h.Name, o.Example)))
		}
	}
	return a, errs
}

// value reads one option of an addition.
func (s *AdditionSpec) value(h *helper.Helper, hp *rule.Helper, name string, at *field.Path) (option.Value, *field.Error) {
	o, text := h.Option(name), string(s.Options[name])
	if o == nil {
		names := h.OptionNames()
		return option.Value{}, field.NotFound(at, fmt.Sprintf("%s; %s has the options %s%s", name, h.Name, strings.Join(names, ", "), nearmiss.DidYouMean(nearmiss.Nearest(name, names))))
	}
	if o.Kind.NamesContainers {
		return option.Value{}, field.Forbidden(at, "names containers, of which every pod has others; leave it out, and set it in the pods")
	}
	v, err := option.Opened(o.Parse(text))
	if err != nil {
		return option.Value{}, field.Invalid(at, o.Kind.Shown(text), err.Error())
	}
	r := hp.Rules[name]
	if o.Listed && len(v.Names) > 0 && !r.Lists() {
		return option.Value{}, field.Invalid(at, v.Text, fmt.Sprintf("is not allowed by this policy: its list for %s has none; add it to spec.helpers[%s].options[%s].allow", name, h.Name, name))
	}
	if r != nil {
		if err := r.Check(v); err != nil {
			return option.Value{}, field.Invalid(at, v.Text, "breaks this policy's own rule: "+err.Error())
		}
	}
	return v, nil
}
