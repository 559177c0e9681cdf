// SPDX-License-Identifier: Apache-2.0

package policytest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// Object is a pod or workload of a manifest.
type Object struct {
	Name     string // for messages
	Document []byte // JSON
	At       admission.Template
}

// Runner runs tables.
type Runner struct {
	Injector inject.Injector
	Policy   *inject.Policy
	// Objects reads a manifest that a case names.
	Objects func(file string) ([]Object, error)
}

// Outcome is what became of one case.
type Outcome struct {
	File   string `json:"file,omitempty"`
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	// Differences are sentences, one for each thing that is not as it was expected.
	Differences []string `json:"differences,omitempty"`
}

// Run runs all cases of a file. An error means that a case could not be run at all.
func (r *Runner) Run(f *File) ([]Outcome, error) {
	if err := f.checkKeys(r.Policy.Known); err != nil {
		return nil, err
	}
	var all []Outcome
	for i := range f.Cases {
		c := &f.Cases[i]
		objects := []Object{{Document: c.pod}}
		if c.File != "" {
			var err error
			if objects, err = r.Objects(c.File); err != nil {
				return nil, fmt.Errorf("case %q: %w", c.Name, err)
			}
			if len(objects) == 0 {
				return nil, fmt.Errorf("case %q: there is no pod in %s, and nothing that makes pods", c.Name, c.File)
			}
		}
		out := Outcome{Name: c.Name}
		for _, o := range objects {
			differences, err := r.compare(o, &c.Want)
			if err != nil {
				return nil, fmt.Errorf("case %q: %w", c.Name, err)
			}
			for _, text := range differences {
				if o.Name != "" {
					text = o.Name + ": " + text
				}
				out.Differences = append(out.Differences, text)
			}
		}
		out.Passed = len(out.Differences) == 0
		all = append(all, out)
	}
	return all, nil
}

// compare decides on an object and says what is not as it is wanted.
func (r *Runner) compare(o Object, want *Want) ([]string, error) {
	out, err := admission.Inject(r.Injector, r.Policy, o.Document, o.At)
	if err != nil {
		return nil, err
	}
	var all []string
	differs := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	said := ""
	message := out.Message()
	for _, p := range out.Violations { // the policy only warns
		message = strings.TrimPrefix(message+"\n"+p.Error.Error(), "\n")
	}
	if message != "" {
		said = ": " + message
	}
	if out.Result != want.Result {
		differs("the result is %s (%s), not %s%s", out.Result, out.Reason, want.Result, said)
	} else if want.Reason != "" && !hasReason(&out.Decision, want.Reason) {
		differs("the reason is %s, not %s%s", out.Reason, want.Reason, said)
	}
	if want.Message != "" && !strings.Contains(message, want.Message) {
		differs("the denial does not say %q%s", want.Message, said)
	}
	if want.Helpers != nil {
		if have, wanted := names(out.Helpers), slices.Sorted(slices.Values(*want.Helpers)); !slices.Equal(have, wanted) {
			differs("the helpers are [%s], not [%s]", strings.Join(have, ", "), strings.Join(wanted, ", "))
		}
	}
	if len(want.Values) > 0 {
		have := map[string]string{}
		for _, a := range inject.Explain(out.Pod, r.Policy, nil) {
			for i := range a.Options {
				have[a.Helper.Key(a.Instance, a.Options[i].Option.Name)] = a.Options[i].Value
			}
		}
		for _, key := range slices.Sorted(maps.Keys(want.Values)) {
			if have[key] != want.Values[key] {
				differs("%s is %q, not %q", key, have[key], want.Values[key])
			}
		}
	}
	return all, nil
}

// hasReason reports whether a decision has a reason: one for each problem, and for each rule that it only warns of.
func hasReason(d *inject.Decision, why reason.Reason) bool {
	is := func(p reason.Problem) bool { return p.Reason == why }
	return d.Reason == why || slices.ContainsFunc(d.Problems, is) || slices.ContainsFunc(d.Violations, is)
}

// names are those of helpers as the front of an annotation key has them, sorted.
func names(helpers []helper.Status) []string {
	var all []string
	for i := range helpers {
		name := helpers[i].Helper
		if helpers[i].Instance != "" {
			name = helpers[i].Instance + "." + name
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
