// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// Object is a pod or workload to explain.
type Object struct {
	Kind, Name, Namespace string
	Source                string // "web.yaml, document 2"; empty for an object of a cluster
	Document              []byte // JSON
	At                    admission.Template
	// Misplaced means that the workload's own metadata has annotations of ours.
	Misplaced bool
}

// Report is all that is to be said about an object.
type Report struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
	Source    string `json:"source,omitempty"`
	Template  string `json:"template,omitempty"` // where the pod template lies; empty for a pod

	Policy   PolicyChoice  `json:"policy"`
	Result   reason.Result `json:"result"`
	Reason   reason.Reason `json:"reason"`
	Problems []string      `json:"problems,omitempty"` // why it is denied
	Rules    []Rule        `json:"rules"`
	Helpers  []Helper      `json:"helpers,omitempty"` // what is asked for
	Changes  []Change      `json:"changes,omitempty"` // what would be added to a pod made now
	Warnings []string      `json:"warnings,omitempty"`
	Findings []Finding     `json:"findings,omitempty"`
	Pods     []Pod         `json:"pods,omitempty"` // those that exist

	// Mistakes are values of a file that the API server does not decode, so that it rejects the
	// object. All else in the report is about the object as it was meant; Result is empty if that
	// is not known.
	Mistakes []Remark `json:"mistakes,omitempty"`
	// Misplaced are keys of a file that were meant for Pillion, where nobody reads them.
	Misplaced []Remark `json:"misplaced,omitempty"`

	// Fields are those that Problems are about, in the same order; Places are where they stand, as
	// file:line, for an object of a file.
	Fields []string `json:"-"`
	Places []string `json:"places,omitempty"`
	// Injected is the document with the pod as the webhook would make it.
	Injected []byte `json:"-"`
	// Patch makes it of the document: RFC 6902; nil if nothing is added.
	Patch []byte `json:"-"`

	asked bool // the pod itself asks for something
}

// Remark is something to be said of a place in a file.
type Remark struct {
	Place string `json:"place"` // file:line
	Line  int    `json:"-"`
	Field string `json:"field,omitempty"`
	Text  string `json:"text"`
}

// Forget leaves out the problems of fields that have no value which could be judged.
func (r *Report) Forget(unread func(field string) bool) {
	for i, field := range slices.Backward(r.Fields) {
		if unread(field) {
			r.Fields, r.Problems = slices.Delete(r.Fields, i, i+1), slices.Delete(r.Problems, i, i+1)
		}
	}
}

// Doubtful reports whether a good report has something that its author should look at.
func (r *Report) Doubtful() bool { return len(r.Misplaced)+len(r.Warnings) > 0 }

// Rule is one rule of the decision: a reason for which pods are denied.
type Rule struct {
	Reason reason.Reason `json:"reason"`
	State  string        `json:"state"` // "passed", "failed", "warned" or "open": see the constants
	Doc    string        `json:"doc"`
}

// What became of a rule.
const (
	Passed = "passed"
	Warned = "warned" // broken, and the policy only warns
	Broken = "failed"
	Open   = "open" // not every rule is checked once another one has failed
)

// Helper is one helper that the pod asks for, or that the policy adds.
type Helper struct {
	Helper   string        `json:"helper"`
	Instance string        `json:"instance,omitempty"`
	Allowed  bool          `json:"allowed"`
	Reason   reason.Reason `json:"reason"`          // why it is there
	Added    string        `json:"added,omitempty"` // where the policy adds it to every pod: "require[0]"
	Options  []Option      `json:"options"`
}

// Option is one option of such a helper, as far as it has a value, a rule or a problem.
type Option struct {
	Option  string      `json:"option"`
	Value   string      `json:"value,omitempty"`
	Source  rule.Source `json:"source,omitempty"`
	Rule    string      `json:"rule,omitempty"`    // what the policy says of it
	Problem string      `json:"problem,omitempty"` // what is wrong with it
}

// Good reports whether the pod gets, or has, all that it asks for.
func (r *Report) Good() bool {
	witnessed := r.Policy.StandIn && len(r.Pods) > 0 // pods that exist know better than a policy that is assumed
	if r.Result == reason.Denied && !witnessed || len(r.Mistakes) > 0 {
		return false
	}
	if r.asked && r.Result == reason.Skipped && inVain(r.Reason) {
		return false
	}
	if slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Problem }) {
		return false
	}
	return !slices.ContainsFunc(r.Pods, func(p Pod) bool { return !p.Good() })
}

// Explain reports on an object under the policy that its namespace has. c is nil
// without a cluster. An error is one of the object's form.
func Explain(in inject.Injector, o Object, policies *Policies, c *Cluster) (*Report, error) {
	choice, findings := policies.Choose(c)
	r := &Report{Kind: o.Kind, Name: o.Name, Namespace: o.Namespace, Source: o.Source, Policy: choice}
	if path := o.At.Path(); path != nil {
		r.Template = path.String()
	}
	if choice.policy == nil {
		d, text := choice.unknown()
		r.Result, r.Reason, r.Problems = d.Result, d.Reason, []string{text}
		r.Rules = rules(d)
		r.Findings = slices.Concat(findings, c.notRead())
		return r, nil
	}
	out, err := admission.InjectFor(kubeletOf(&o), in, choice.policy, o.Document, o.At)
	if err != nil {
		return nil, fmt.Errorf("%s/%s: %w", o.Kind, o.Name, err)
	}
	r.Result, r.Reason, r.Warnings, r.Injected, r.Patch = out.Result, out.Reason, out.Warnings, out.Patched, out.Patch
	for _, p := range out.Problems {
		r.Problems, r.Fields = append(r.Problems, p.Text()), append(r.Fields, p.Field)
	}
	r.Rules = rules(out.Decision)
	r.Helpers = helpers(inject.Explain(out.Pod, choice.policy, o.At.Path()), slices.Concat(out.Problems, out.Violations))
	r.Changes = Changes(&out.Plan, out.Pod)
	asks := inject.Asks(out.Pod.Metadata.Annotations)
	r.asked = asks
	if asks && r.Result == reason.Skipped && inVain(r.Reason) {
		findings = append(findings, askedInVain(r.Reason))
	}
	if o.Misplaced {
		findings = append(findings, Misplaced(o.Kind, o.At.Path().String(), !asks))
	}
	if (asks || choice.policy.Adds()) && o.Kind != "Pod" {
		if f := c.reach(labelsOf(o.Document, o.At)); f != nil {
			findings = append(findings, *f)
		}
	}
	if c != nil && o.Kind != "Pod" { // a pod that is there was let in
		findings = append(findings, c.Bounds.findings(&out.Plan, out.Pod)...)
	}
	r.Findings = slices.Concat(findings, c.notRead())
	return r, nil
}

// kubeletOf is the node of a pod of a cluster: of one that is there, the mark of a mirror is
// believed.
func kubeletOf(o *Object) string {
	var pod struct {
		Spec struct {
			NodeName string `json:"nodeName"`
		} `json:"spec"`
	}
	if o.Kind != "Pod" || o.Source != "" || json.Unmarshal(o.Document, &pod) != nil {
		return ""
	}
	return pod.Spec.NodeName
}

// Misplaced says that annotations are on the wrong object. They are a problem unless
// the template has some as well, where they may have been copied to be found.
func Misplaced(kind, template string, problem bool) Finding {
	return Finding{
		Code: AnnotationsOnWorkload, Problem: problem,
		Text: "the annotations of the " + kind + " itself have no effect",
		Fix:  "put them on its pod template, " + template + ".metadata.annotations",
	}
}

// rules lists each reason to deny a pod and what became of it.
func rules(d inject.Decision) []Rule {
	var all []Rule
	for _, doc := range reason.All() {
		if doc.Result != reason.Denied {
			continue
		}
		state := Passed
		switch {
		case doc.Reason == d.Reason, slices.ContainsFunc(d.Problems, func(p reason.Problem) bool { return p.Reason == doc.Reason }):
			state = Broken
		case slices.ContainsFunc(d.Violations, func(p reason.Problem) bool { return p.Reason == doc.Reason }):
			state = Warned
		case d.Result == reason.Denied, d.Result == reason.Skipped:
			state = Open
		}
		all = append(all, Rule{doc.Reason, state, doc.Text})
	}
	return all
}

// helpers puts the problems of a decision to the options that they are about.
func helpers(asked []inject.Asked, problems []reason.Problem) []Helper {
	var all []Helper
	for _, a := range asked {
		h := Helper{Helper: a.Helper.Name, Instance: a.Instance, Allowed: a.Allowed, Reason: a.Reason}
		if a.Added != nil {
			h.Added = a.Added.String()
		}
		for i := range a.Options {
			o := &a.Options[i]
			option := Option{Option: o.Option.Name, Value: o.Value, Source: o.Source, Rule: RuleText(o.Rule)}
			var texts []string
			for _, p := range problems {
				if p.Field == o.Path {
					texts = append(texts, p.Detail)
				}
			}
			option.Problem = strings.Join(texts, "; ")
			if option.Value != "" || option.Problem != "" || option.Rule != "" || option.Source != "" {
				h.Options = append(h.Options, option)
			}
		}
		all = append(all, h)
	}
	return all
}

// RuleText is what a policy says of an option, in words; "" if nothing.
func RuleText(r *rule.Rule) string {
	if r == nil {
		return ""
	}
	var parts []string
	add := func(what string, v *option.Value) {
		if v != nil {
			parts = append(parts, what+" "+v.Text)
		}
	}
	add("always", r.Fixed)
	add("default", r.Default)
	add("at least", r.Min)
	add("at most", r.Max)
	if len(r.Allow) > 0 {
		var patterns []string
		for _, p := range r.Allow {
			patterns = append(patterns, p.String())
		}
		parts = append(parts, "one of "+strings.Join(patterns, ", "))
	}
	return strings.Join(parts, "; ")
}
