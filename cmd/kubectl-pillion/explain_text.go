// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// explainText writes reports for a person: the answer first, then what it rests on.
func explainText(b *strings.Builder, reports []*explain.Report) {
	for i, r := range reports {
		if i > 0 {
			b.WriteString("\n")
		}
		r := reportText{b, r}
		r.head()
		r.todo()
		if r.Result == "" {
			continue
		}
		r.pods()
		r.policy()
		r.asked()
		r.rules()
		r.changes()
	}
}

type reportText struct {
	*strings.Builder
	*explain.Report
}

func (r reportText) head() {
	name := r.Kind + "/" + r.Name
	if r.Namespace != "" {
		name += " of namespace " + r.Namespace
	}
	if r.Source != "" {
		name += " (" + r.Source + ")"
	}
	by := ""
	if r.Policy.StandIn && r.Result == reason.Denied {
		by = " by a policy that stands in for another: see the notes"
	}
	if p := r.pod(); p != nil { // what became of it, and then what would of one like it
		fmt.Fprintf(r, "%s %s: %s, %s\n", mark(r.Good()), name, p.State, made(p))
		if p.State == explain.Current {
			return
		}
		fmt.Fprintf(r, "  Made now, it would be: %s, %s%s\n", r.Result, r.Reason, by)
		return
	}
	switch {
	case r.Result == "":
		fmt.Fprintf(r, "✗ %s: the API server rejects it\n", name)
		return
	case len(r.Mistakes) > 0:
		fmt.Fprintf(r, "✗ %s: the API server rejects it; once that is corrected: %s, %s%s\n", name, r.Result, r.Reason, by)
	default:
		fmt.Fprintf(r, "%s %s: %s, %s%s\n", r.sign(), name, r.Result, r.Reason, by)
	}
	fmt.Fprintf(r, "  %s\n", r.meaning())
}

// sign is the mark of the report: "!" if all is well but for something to look at.
func (r reportText) sign() string {
	if r.Good() && r.Doubtful() {
		return "!"
	}
	return mark(r.Good())
}

// pod is the state of the pod that is reported on; nil if it is none of a cluster, or
// has nothing to do with Pillion.
func (r reportText) pod() *explain.Pod {
	if r.Kind == "Pod" && len(r.Pods) == 1 {
		return &r.Pods[0]
	}
	return nil
}

// made says what a pod has, and from which source.
func made(p *explain.Pod) string {
	with := strings.Join(p.Helpers, ", ")
	if with == "" {
		with = "no helper"
	}
	if p.Version != "" {
		with += fmt.Sprintf(", by %s under %s", p.Version, p.Policy)
	}
	return with
}

// meaning is that of the reason, in a sentence.
func (r reportText) meaning() string {
	if r.Reason == reason.NothingRequested {
		return "It requests no helper: no annotation under " + helper.Domain + " does."
	}
	docs := reason.All()
	return docs[slices.IndexFunc(docs, func(d reason.Doc) bool { return d.Reason == r.Reason })].Text
}

// todo is what is wrong and what would be right, and what is good to know.
func (r reportText) todo() {
	if len(r.Mistakes) > 0 {
		r.WriteString("\nrejected because\n")
		for _, m := range r.Mistakes {
			fmt.Fprintf(r, "  ✗ %s: %s: %s\n", m.Place, m.Field, m.Text)
		}
	}
	if len(r.Problems) > 0 {
		r.WriteString("\ndenied because\n")
		for i, p := range r.Problems {
			if i < len(r.Places) {
				p = r.Places[i] + ": " + p
			}
			fmt.Fprintf(r, "  ✗ %s\n", p)
			if i < len(r.Fields) {
				if link := optionLink(r.Fields[i]); link != "" {
					fmt.Fprintf(r, "    see %s\n", link)
				}
			}
		}
	}
	notes := r.Findings
	if p := r.pod(); p != nil {
		notes = slices.Concat(p.Findings, notes)
	}
	if len(notes)+len(r.Warnings)+len(r.Misplaced) > 0 {
		r.WriteString("\nnote\n")
		for _, m := range r.Misplaced {
			fmt.Fprintf(r, "  ! %s: %s\n", m.Place, m.Text)
		}
		findings(r.Builder, "  ", notes)
		for _, w := range r.Warnings {
			fmt.Fprintf(r, "  ! %s\n", strings.TrimPrefix(w, "pillion: "))
		}
	}
}

// findings are told with the problems first.
func findings(b *strings.Builder, indent string, all []explain.Finding) {
	rank := map[bool]int{true: 0, false: 1}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b explain.Finding) int { return rank[a.Problem] - rank[b.Problem] })
	for _, f := range all {
		sign := "!"
		if f.Problem {
			sign = "✗"
		}
		fmt.Fprintf(b, "%s%s %s: %s\n", indent, sign, f.Code, f.Text)
		if f.Fix != "" {
			fmt.Fprintf(b, "%s  fix: %s\n", indent, f.Fix)
		}
	}
}

func (r reportText) policy() {
	r.WriteString("\npolicy\n")
	hash := ""
	if r.Policy.Hash != "" {
		hash = ", " + r.Policy.Hash
	}
	fmt.Fprintf(r, "  %s (%s%s)\n  %s\n", r.Policy.Name, r.Policy.Source, hash, r.Policy.Why)
}

func (r reportText) asked() {
	if len(r.Helpers) == 0 {
		return
	}
	r.WriteString("\n" + asked(r.Helpers) + "\n")
	for _, h := range r.Helpers {
		name := h.Helper
		if h.Instance != "" {
			name = h.Instance + "." + h.Helper
		}
		fmt.Fprintf(r, "  %s %s%s\n", mark(h.Allowed), name, r.added(&h))
		rows := make([][]string, 0, len(h.Options))
		for _, o := range h.Options {
			rule := o.Rule
			if rule != "" {
				rule = "policy: " + rule
			}
			sign := mark(o.Problem == "")
			if o.Problem == "" && o.Value == "" { // unset, and the policy has a rule for it
				sign = "·"
			}
			rows = append(rows, []string{sign, o.Option, o.Value, string(o.Source), rule})
		}
		table(r.Builder, "    ", rows)
	}
}

// asked is the heading of the helpers.
func asked(all []explain.Helper) string {
	byPolicy := slices.ContainsFunc(all, func(h explain.Helper) bool { return h.Added != "" })
	if !byPolicy {
		return "requested"
	}
	if slices.ContainsFunc(all, func(h explain.Helper) bool { return h.Added == "" }) {
		return "requested, or added by the policy"
	}
	return "added by the policy"
}

// added says that a helper is there whether the pod asks or not.
func (r reportText) added(h *explain.Helper) string {
	switch {
	case h.Added == "":
		return ""
	case h.Reason == reason.Required:
		return fmt.Sprintf(" (%s of policy %s: every pod gets it, and none can opt out)", h.Added, r.Policy.Name)
	}
	return fmt.Sprintf(" (%s of policy %s: every pod gets it that has no %s: \"false\")", h.Added, r.Policy.Name, inject.InjectAnnotation)
}

func (r reportText) rules() {
	if r.Result == reason.Skipped {
		return
	}
	r.WriteString("\nrules\n")
	names := map[string][]string{}
	for _, rule := range r.Rules {
		names[rule.State] = append(names[rule.State], string(rule.Reason))
	}
	for _, state := range []struct{ state, sign, what string }{
		{explain.Broken, "✗", "broken"}, {explain.Warned, "!", "broken, and warned of"}, {explain.Passed, "✓", "kept"}, {explain.Open, "·", "not judged to the end"},
	} {
		if list := names[state.state]; len(list) > 0 {
			fmt.Fprintf(r, "  %s %s: %s\n", state.sign, state.what, strings.Join(list, ", "))
		}
	}
}

func (r reportText) changes() {
	if len(r.Changes) == 0 {
		return
	}
	r.WriteString("\na pod made now gets\n")
	var rows [][]string
	for _, c := range r.Changes {
		name := c.Name
		if c.Detail != "" {
			name += ": " + c.Detail
		}
		rows = append(rows, []string{c.What, name})
	}
	table(r.Builder, "  ", rows)
}

func (r reportText) pods() {
	if len(r.Pods) == 0 || r.pod() != nil {
		return
	}
	r.WriteString("\npods\n")
	for i := range r.Pods {
		p := &r.Pods[i]
		fmt.Fprintf(r, "  %s %s: %s, %s\n", mark(p.Good()), p.Name, p.State, made(p))
		findings(r.Builder, "    ", p.Findings)
	}
}
