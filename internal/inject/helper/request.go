// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// Request is one helper that a pod asks for, with its typed options.
type Request struct {
	Helper   *Helper
	Instance string        // "" is the default instance
	Reason   reason.Reason // why the helper is there
	// Added is what the policy adds to every pod of this helper and instance; nil for nothing.
	Added *Addition

	settings []setting              // of the helper's options, in their order
	root     *field.Path            // of the pod
	owned    map[string]*field.Path // by option name: where in the policy a value stands that is not the pod's
	leftOut  []string               // containers that came after a previous review and cannot take part
}

// setting is what a request has for one option.
type setting struct {
	value option.Value
	has   bool // a value; what is given and does not parse is none
	given bool // by the pod itself
	// closed is set if the pod gives a path that the policy has to open.
	closed *option.Closed
}

// NewRequest is a request without values for the pod at root.
func NewRequest(h *Helper, instance string, why reason.Reason, root *field.Path) *Request {
	return &Request{Helper: h, Instance: instance, Reason: why, root: root, settings: make([]setting, len(h.Options))}
}

// Name is "git-poller", or "git-poller-docs" for the instance "docs".
func (r *Request) Name() string {
	if r.Instance == "" {
		return r.Helper.Name
	}
	return r.Helper.Name + "-" + r.Instance
}

// setting is that of an option; nil if the helper has no such option.
func (r *Request) setting(option string) *setting {
	for i := range r.Helper.Options {
		if r.Helper.Options[i].Name == option {
			return &r.settings[i]
		}
	}
	return nil
}

// Value is the value of an option; the zero Value if it is unset.
func (r *Request) Value(option string) (v option.Value) {
	if s := r.setting(option); s != nil {
		v = s.value
	}
	return v
}

// Has reports whether an option has a value.
func (r *Request) Has(option string) bool { s := r.setting(option); return s != nil && s.has }

// Given reports whether the pod itself sets an option, rightly or not.
func (r *Request) Given(option string) bool { s := r.setting(option); return s != nil && s.given }

// Defaulted reports whether the value of an option is a default, the policy's or the
// option's own: nobody chose it for this pod, so it holds where it fits.
func (r *Request) Defaulted(option string) bool {
	s := r.setting(option)
	return s != nil && s.has && !s.given && r.owned[option] == nil
}

// Sees reports whether a container takes part.
func (r *Request) Sees(container string) bool {
	return !r.Has(Containers) || slices.Contains(r.Value(Containers).List, container)
}

// Give notes that the pod itself sets an option, whatever its value.
func (r *Request) Give(option string) { r.setting(option).given = true }

// Close notes that the pod sets an option to a path that the policy has to open.
func (r *Request) Close(option string, closed *option.Closed) { r.setting(option).closed = closed }

// Closed is that path; nil if there is none.
func (r *Request) Closed(option string) *option.Closed { return r.setting(option).closed }

// Set gives an option of the helper a value.
func (r *Request) Set(option string, v option.Value) {
	s := r.setting(option)
	s.value, s.has = v, true
}

// Complete reports whether every option that was given parsed and every required one
// is there: a helper is planned only then, so that one mistake is reported once.
func (r *Request) Complete() bool {
	for i := range r.Helper.Options {
		if s := &r.settings[i]; !s.has && (s.given || r.Helper.Options[i].Required) {
			return false
		}
	}
	return true
}

// Completed is a copy of a request that is not [Request.Complete], in which the options that
// lack a value have one that is right, so that all else that is wrong with the request can be
// found. made are the paths of these options, whose problems are known.
func (r *Request) Completed() (whole *Request, made []*field.Path) {
	c := *r
	c.settings = slices.Clone(r.settings)
	for i := range r.Helper.Options {
		s, o := &c.settings[i], &r.Helper.Options[i]
		if s.has || !s.given && !o.Required {
			continue
		}
		v, err := o.Parse(cmp.Or(o.Default, o.Example))
		if err != nil { // the example of a definition may be none
			continue
		}
		s.value, s.has = v, true
		made = append(made, r.Path(o.Name))
	}
	return &c, made
}

// Path is where an option's value stands: an annotation of the pod, or a field of the
// policy, which the pod's author cannot change.
func (r *Request) Path(option string) *field.Path {
	if at := r.owned[option]; at != nil {
		return at
	}
	return Annotations(r.root).Key(r.Helper.Key(r.Instance, option))
}

// AnyPath is the path of the first annotation that asks for the helper.
func (r *Request) AnyPath() *field.Path {
	for i := range r.Helper.Options {
		if r.settings[i].given {
			return r.Path(r.Helper.Options[i].Name)
		}
	}
	return Annotations(r.root)
}

// Annotations is where the annotations of the pod at root stand. Paths are made where
// something is wrong: most pods never need one.
func Annotations(root *field.Path) *field.Path { return root.Child("metadata", "annotations") }

// Own remembers that a value is the policy's.
func (r *Request) Own(option string, at *field.Path) {
	if r.owned == nil {
		r.owned = map[string]*field.Path{}
	}
	r.owned[option] = at
}

// idle lists the options that the pod sets and that have no effect as it sets the others.
func (r *Request) idle() (warnings []string) {
	for i := range r.Helper.Options {
		if !r.settings[i].given {
			continue
		}
		o := &r.Helper.Options[i]
		for _, c := range o.Idle {
			switch {
			case c.Value == "" && !r.Has(c.Option):
				warnings = append(warnings, fmt.Sprintf("%s: %s has no effect without %s", r.Name(), o.Name, c.Option))
			case c.Value != "" && r.Value(c.Option).Text == c.Value:
				value := c.Value
				if r.Helper.Option(c.Option).Kind.Name == option.Boolean.Name { // YAML wants these in quotes
					value = `"` + value + `"`
				}
				warnings = append(warnings, fmt.Sprintf("%s: %s has no effect with %s %s", r.Name(), o.Name, c.Option, value))
			}
		}
	}
	return warnings
}

// Addition is one helper that a policy adds to every pod of its namespaces, whether the
// pod asks for it or not.
type Addition struct {
	Helper   *Helper
	Instance string // "" is the default instance
	Required bool   // the pod cannot opt out
	Index    int    // in the list of the policy, require or inject
	Values   map[string]option.Value
}

// String is where the addition stands in its policy: "require[0]".
func (a *Addition) String() string { return fmt.Sprintf("%s[%d]", a.List(), a.Index) }

// List is the list of the policy in which the addition stands.
func (a *Addition) List() string {
	if a.Required {
		return "require"
	}
	return "inject"
}

// Has reports whether an addition, which may be nil, has a value for an option.
func (a *Addition) Has(option string) bool {
	if a == nil {
		return false
	}
	_, ok := a.Values[option]
	return ok
}
