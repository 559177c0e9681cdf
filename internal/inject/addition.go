// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// MaxAdditions is how many helpers a policy adds at most, so that a review has a bound.
const MaxAdditions = 16

// Addition is one helper that a policy adds to every pod of its namespaces, whether the
// pod asks for it or not.
type Addition struct {
	Helper   *Helper
	Instance string // "" is the default instance
	Required bool   // the pod cannot opt out
	Index    int    // in the list of the policy, require or inject
	Values   map[string]Value
}

// String is where the addition stands in its policy: "require[0]".
func (a *Addition) String() string { return fmt.Sprintf("%s[%d]", a.list(), a.Index) }

func (a *Addition) list() string {
	if a.Required {
		return "require"
	}
	return "inject"
}

// additions are those of both lists, the required ones first.
func (p *Policy) additions() []*Addition { return slices.Concat(p.Require, p.Inject) }

// join adds to what a pod asks for what the policy adds. What is left out of the policy's
// defaults has a reason: the first is that the pod says so.
func (p *Policy) join(asked *parsed, pod *Pod, root *field.Path) (leftOut Reason) {
	if len(p.Inject) > 0 {
		leftOut = p.withoutDefaults(asked.optOut, &pod.Spec)
	}
	for _, a := range p.additions() {
		r := asked.request(a.Helper, a.Instance)
		switch {
		case leftOut != "" && !a.Required:
		case r == nil:
			asked.requests = append(asked.requests, a.request(root))
		default:
			r.added = a
			if a.Required {
				r.Reason = Required
			}
		}
	}
	sortRequests(asked.requests)
	return leftOut
}

// withoutDefaults says why a pod gets nothing that it did not ask for; "" if it does. To
// refuse it for what it never asked for would be wrong, and to add what policy does not
// allow there as well.
func (p *Policy) withoutDefaults(optOut bool, s *Spec) Reason {
	switch {
	case optOut:
		return OptedOut
	case s.windows():
		return WindowsPod
	case s.HostNetwork && !p.HostNetwork, p.deniesClass(s):
		return NotByDefault
	}
	return ""
}

// request is that for an addition of which the pod's annotations say nothing.
func (a *Addition) request(root *field.Path) *Request {
	r := newRequest(a.Helper, a.Instance, ByDefault, root)
	r.added = a
	if a.Required {
		r.Reason = Required
	}
	return r
}

// has tells whether an addition, which may be nil, has a value for an option.
func (a *Addition) has(option string) bool {
	if a == nil {
		return false
	}
	_, ok := a.Values[option]
	return ok
}

// take takes the addition's value for an option; it returns false if there is none.
func (r *Request) take(p *Policy, option string) bool {
	if !r.added.has(option) {
		return false
	}
	r.set(option, r.added.Values[option])
	r.own(option, p.path().Child(r.added.list()).Index(r.added.Index).Child("options").Key(option))
	return true
}

// required refuses another value than the policy requires.
func (r *Request) required(p *Policy, option string, v Value) *Problem {
	if !r.added.has(option) || !r.added.Required || r.added.Values[option].Text == v.Text {
		return nil
	}
	want := r.added.Values[option]
	problem := invalid(ValueNotAllowed, r.path(option), v.Text, "policy %q requires %q in every pod (%s); remove the annotation", p.Name, want.Text, r.added)
	return &problem
}

// refuseOptOut refuses a pod that opts out where there is nothing but what the policy
// requires: it would believe to have been left alone.
func (p *Policy) refuseOptOut(asked *parsed, root *field.Path) []Problem {
	if !asked.optOut || len(p.Require) == 0 || len(p.Inject) > 0 {
		return nil
	}
	return []Problem{invalid(RequiredHelper, annotationsPath(root).Key(InjectAnnotation), "false",
		"policy %q requires %s, of which no pod can opt out; remove the annotation", p.Name, p.requiredHelpers())}
}

// refuseWindows refuses a pod that cannot run what the policy requires.
func (p *Policy) refuseWindows(root *field.Path) []Problem {
	if len(p.Require) == 0 {
		return nil
	}
	return []Problem{forbidden(RequiredHelper, root.Child("spec", "os"),
		"policy %q requires %s, which are Linux containers, so no Windows pod can run under it; use a namespace with another policy", p.Name, p.requiredHelpers())}
}

// requiredHelpers names them with their places: "date-writer (require[0])".
func (p *Policy) requiredHelpers() string {
	var names []string
	for _, a := range p.Require {
		names = append(names, fmt.Sprintf("%s (%s)", prefixed(a.Instance, a.Helper.Name), a))
	}
	return joinAnd(names)
}

// prefixed is a helper as the front of an annotation key has it: "docs.git-poller".
func prefixed(instance, helper string) string { return strings.TrimPrefix(instance+"."+helper, ".") }

// either ends the sentence on a pod in which the policy allows no helper. Who is under a
// policy that requires one has no other way out.
func (p *Policy) either(text, or string) string {
	if len(p.Require) > 0 {
		return text + ", since the policy requires " + p.requiredHelpers()
	}
	return text + or
}

// wayOut ends the sentence on something that is wrong with a helper that the pod did not
// ask for.
func (r *Request) wayOut(problems []Problem) {
	if r.Reason != ByDefault {
		return
	}
	for i := range problems {
		problems[i].Detail += fmt.Sprintf("; or opt out with %s: \"false\"", InjectAnnotation)
	}
}

// AdditionSpec is an addition as it is written in a policy file.
type AdditionSpec struct {
	// Helper is its name. It has to be one that the policy lists under helpers.
	Helper string `json:"helper"`
	// Instance is its instance, if it is not the one without a name.
	Instance string `json:"instance,omitempty"`
	// Options are values of its options, within the policy's own rules. Names of containers
	// cannot be among them: every pod has others.
	Options map[string]Text `json:"options,omitempty"`
}

// Compile parses an addition against what the policy has for its helper, and replaces the
// values by their canonical forms. The errors carry the paths of the wrong fields below at.
func (s *AdditionSpec) Compile(p *Policy, required bool, index int, at *field.Path) (*Addition, field.ErrorList) {
	h := FindHelper(s.Helper)
	if h == nil {
		var names []string
		for _, h := range Helpers() {
			names = append(names, h.Name)
		}
		return nil, field.ErrorList{field.NotFound(at.Child("helper"), fmt.Sprintf("%s; the helpers are %s%s", s.Helper, HelperNames(), didYouMean(Nearest(s.Helper, names))))}
	}
	hp := p.Helpers[h.Name]
	if hp == nil {
		return nil, field.ErrorList{field.Invalid(at.Child("helper"), h.Name, "is not among spec.helpers, so pods may not have it; list it there")}
	}
	var errs field.ErrorList
	if s.Instance != "" {
		if text := h.wrongInstance(s.Instance); text != "" {
			errs = append(errs, field.Invalid(at.Child("instance"), s.Instance, text))
		}
	}
	a := &Addition{Helper: h, Instance: s.Instance, Required: required, Index: index, Values: map[string]Value{}}
	options := at.Child("options")
	for _, name := range slices.Sorted(maps.Keys(s.Options)) {
		v, err := s.value(h, hp, name, options.Key(name))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		a.Values[name], s.Options[name] = v, Text(v.Text)
	}
	for i := range h.Options {
		o := &h.Options[i]
		value, _, _ := o.Effective(hp.Rules[o.Name])
		if _, set := s.Options[o.Name]; o.Required && !set && value == "" {
			errs = append(errs, field.Required(options.Key(o.Name), fmt.Sprintf("%s needs it, such as %q, and a pod that asks for nothing does not say it", h.Name, o.Example)))
		}
	}
	return a, errs
}

// value reads one option of an addition.
func (s *AdditionSpec) value(h *Helper, hp *HelperPolicy, name string, at *field.Path) (Value, *field.Error) {
	o, text := h.Option(name), string(s.Options[name])
	if o == nil {
		var names []string
		for i := range h.Options {
			names = append(names, h.Options[i].Name)
		}
		return Value{}, field.NotFound(at, fmt.Sprintf("%s; %s has the options %s%s", name, h.Name, strings.Join(names, ", "), didYouMean(Nearest(name, names))))
	}
	if o.Kind.namesContainers() {
		return Value{}, field.Forbidden(at, "names containers, of which every pod has others; leave it out, and set it in the pods")
	}
	v, err := o.Parse(text)
	if err != nil {
		return Value{}, field.Invalid(at, shown(o.Kind, text), err.Error())
	}
	rule := hp.Rules[name]
	if o.Listed && len(v.names) > 0 && !rule.lists() {
		return Value{}, field.Invalid(at, v.Text, fmt.Sprintf("is not allowed by this policy: its list for %s has none; add it to spec.helpers[%s].options[%s].allow", name, h.Name, name))
	}
	if rule != nil {
		if err := rule.check(v); err != nil {
			return Value{}, field.Invalid(at, v.Text, "is refused by this policy's own rule: "+err.Error())
		}
	}
	return v, nil
}
