// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/dashboard"
	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/linediff"
)

// Judge says what the pods of a manifest would get. Objects that name no namespace are judged in
// the one given, or in that of the context.
func (b *board) Judge(ctx context.Context, namespace, manifest string) *dashboard.Verdict {
	v := &dashboard.Verdict{}
	b.looking.Lock()
	defer b.looking.Unlock()
	if b.refresh(ctx); b.world == nil {
		v.Error = b.worldErr.Error()
		return v
	}
	documents, err := readDocuments("the manifest", strings.NewReader(manifest))
	if err != nil {
		v.Error = err.Error()
		if at := (*unreadable)(nil); errors.As(err, &at) {
			v.Line, v.Error = at.at()
		}
		makePrintable(reflect.ValueOf(v))
		return v
	}
	inFiles := namespacesIn(documents)
	for _, d := range documents {
		objects, err := d.objects()
		if err != nil {
			v.Line, v.Error = d.line, err.Error()
			break
		}
		for i := range objects {
			o := &objects[i]
			if o.namespace == "" {
				o.namespace = namespace
			}
			if o.namespace == "" {
				o.namespace = b.client.Namespace
			}
			c := inFiles[o.namespace]
			if c == nil {
				c = b.namespaceOf(ctx, o.namespace)
			}
			judged, err := b.judgeObject(d, o, c)
			if err != nil {
				v.Line, v.Error = d.line, err.Error()
				break
			}
			v.Objects = append(v.Objects, *judged)
		}
	}
	v.Notes = b.judgeNotes(v, documents)
	makePrintable(reflect.ValueOf(v))
	return v
}

// judgeNotes are the warnings about keys that nobody reads, as at kubectl apply.
func (b *board) judgeNotes(v *dashboard.Verdict, documents []*document) (all []string) {
	var text bytes.Buffer
	known := b.world.policies.Known()
	if err := notes(&text, known, documents, false); err == nil {
		for line := range strings.Lines(text.String()) {
			_, line, _ = strings.Cut(line, ": ") // how bad it is
			all = append(all, strings.TrimSpace(line))
		}
	}
	if len(v.Objects) == 0 && v.Error == "" {
		all = append(all, "there is no pod in it, and nothing that makes pods")
	}
	return all
}

func (b *board) judgeObject(d *document, o *object, c *explain.Cluster) (*dashboard.Object, error) {
	r, err := d.report(o, b.world.policies, c)
	if err != nil {
		return nil, err
	}
	shown := &dashboard.Object{
		Name: o.kind + "/" + o.name + " of namespace " + o.namespace, Good: r.Good(), Doubtful: r.Doubtful(), Result: string(r.Result), Reason: string(r.Reason),
		Policy: r.Policy.Name, Why: r.Policy.Why, Changes: r.Changes,
	}
	if r.Result != "" {
		shown.Meaning = reportText{Report: r}.meaning()
	}
	if len(r.Mistakes) > 0 {
		shown.Result = "the API server rejects it"
	}
	for _, m := range r.Mistakes {
		shown.Problems = append(shown.Problems, dashboard.Problem{Line: m.Line, Text: m.Field + ": " + m.Text})
	}
	for _, m := range r.Misplaced {
		shown.Warnings = append(shown.Warnings, fmt.Sprintf("line %d: %s", m.Line, m.Text))
	}
	at := d.lines()
	for i, text := range r.Problems {
		p := dashboard.Problem{Text: text}
		if i < len(r.Fields) {
			p.Line, p.Link = d.lineAt(at, r.Fields[i]), optionLink(r.Fields[i])
		}
		shown.Problems = append(shown.Problems, p)
	}
	for _, f := range r.Findings {
		if f.Code == explain.NotLookedAt || f.Code == explain.PolicyNotKnown {
			continue // it stands at the head of the page
		}
		text := fmt.Sprintf("%s: %s", f.Code, f.Text)
		if f.Fix != "" {
			text += "; " + f.Fix
		}
		if f.Problem {
			shown.Problems = append(shown.Problems, dashboard.Problem{Text: text})
		} else {
			shown.Warnings = append(shown.Warnings, text)
		}
	}
	for _, w := range r.Warnings {
		shown.Warnings = append(shown.Warnings, strings.TrimPrefix(w, "pillion: "))
	}
	before, after, err := d.texts(r.Patch, r.Injected)
	shown.Hunks = linediff.Hunks(linediff.Lines(before, after), 3)
	return shown, err
}
