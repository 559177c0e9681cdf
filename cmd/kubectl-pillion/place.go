// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/inject/helper"
)

// unreadable is the error of a document that is no YAML, or no JSON.
type unreadable struct {
	file string
	line int // of the document, in its file
	err  error
}

func (u *unreadable) Error() string {
	line, text := u.at()
	return u.file + ":" + strconv.Itoa(line) + ": " + text
}

func (u *unreadable) Unwrap() error { return u.err }

// yamlLine is how the YAML libraries name a line, counted in the document.
var yamlLine = regexp.MustCompile(`(^|yaml: |\n\s*)line (\d+): `)

// at is the line of the file and what is wrong there.
func (u *unreadable) at() (line int, text string) {
	text = u.err.Error()
	match := yamlLine.FindStringSubmatchIndex(text)
	if match == nil {
		return u.line, strings.TrimPrefix(text, "yaml: ")
	}
	n, _ := strconv.Atoi(text[match[4]:match[5]])
	return u.line + n - 1, strings.TrimSpace(text[match[1]:])
}

// lineAt is the line of a field in the file of a document; that of what it would be in if it is
// not there.
func (d *document) lineAt(l *lines, field string) int {
	return d.line + max(l.at(field, "").Line, 1) - 1
}

// plainTexts are a document before and after its patches as YAML in the form of kubectl.
func (d *document) plainTexts() (before, after string, err error) {
	plain, err := yaml.JSONToYAML(d.before)
	if err != nil {
		return "", "", err
	}
	with, err := yaml.JSONToYAML(d.json)
	return string(plain), string(with), err
}

// texts are a document as YAML before and after a patch, written alike, so that they differ in
// what the patch adds alone.
func (d *document) texts(patch, patched []byte) (before, after string, err error) {
	if patch == nil {
		return "", "", nil
	}
	if !bytes.HasPrefix(bytes.TrimSpace(d.text), []byte("{")) {
		plain, err := patchYAML(d.text, nil)
		with, err2 := patchYAML(d.text, [][]byte{patch})
		if err == nil && err2 == nil && sameAsJSON(with, patched) {
			return string(plain), string(with), nil
		}
	}
	plain, err := yaml.JSONToYAML(d.json)
	if err != nil {
		return "", "", err
	}
	with, err := yaml.JSONToYAML(patched)
	return string(plain), string(with), err
}

// place is where a field stands, as compilers write it.
func (d *document) place(l *lines, field string) string {
	return d.file + ":" + strconv.Itoa(d.lineAt(l, field))
}

func (d *document) places(fields []string) (all []string) {
	l := d.lines()
	for _, field := range fields {
		all = append(all, d.place(l, field))
	}
	return all
}

// report explains an object of the document, with what the document alone tells.
func (d *document) report(o *object, policies *explain.Policies, c *explain.Cluster) (*explain.Report, error) {
	r, err := explain.Explain(injector(), explain.Object{
		Kind: o.kind, Name: o.name, Namespace: o.namespace, Source: d.source, Document: d.json, At: o.at, Misplaced: o.misplaced,
	}, policies, c)
	switch {
	case err == nil:
		r.Forget(d.unread)
	case len(d.mistakes) == 0:
		return nil, err
	default:
		r = &explain.Report{Kind: o.kind, Name: o.name, Namespace: o.namespace, Source: d.source}
	}
	if o.of != nil {
		for _, m := range d.mistakesOf(o.of.number) {
			r.Mistakes = append(r.Mistakes, d.remark(m.line, m.field, m.text))
		}
		r.Misplaced = d.strays(policies.Known(), o.of)
	}
	r.Places = d.places(r.Fields)
	return r, nil
}

// say adds remarks.
func (j *judgement) say(level string, all []explain.Remark) {
	for _, m := range all {
		text := m.Text
		if m.Field != "" {
			text = m.Field + ": " + text
		}
		j.Findings = append(j.Findings, finding{level, remark{Line: m.Line, Text: j.Name + ": " + text}})
	}
}

// others are what a CI shows of the objects that make no pods, as far as something is wrong with them.
func (d *document) others(known *helper.Set) (all []judgement) {
	items, _ := d.items() // they were read before
	for n := range items {
		i := &items[n]
		if len(i.templates()) > 0 {
			continue
		}
		j := judgement{File: d.file, Name: i.kind + "/" + i.name, pod: true}
		for _, m := range d.mistakesOf(n) {
			j.say("error", []explain.Remark{d.remark(m.line, m.field, m.text)})
		}
		if j.say("warning", d.strays(known, i)); len(j.Findings) > 0 {
			all = append(all, j)
		}
	}
	return all
}

// judgement is what a CI shows of an object of the document. What is about no field in
// particular stands at the pod template.
func (d *document) judgement(r *explain.Report) judgement {
	l := d.lines()
	j := judgement{File: d.file, Name: r.Kind + "/" + r.Name, pod: true}
	add := func(level, field, text string) {
		text = j.Name + ": " + strings.TrimPrefix(text, "pillion: ")
		j.Findings = append(j.Findings, finding{level, remark{Line: d.lineAt(l, field), Text: text, Link: optionLink(field)}})
	}
	j.say("error", r.Mistakes)
	j.say("warning", r.Misplaced)
	for i, text := range r.Problems {
		field := r.Template
		if i < len(r.Fields) {
			field = r.Fields[i]
		}
		add("error", field, text)
	}
	for _, f := range r.Findings {
		level := "warning"
		if f.Problem {
			level = "error"
		}
		text := string(f.Code) + ": " + f.Text
		if f.Fix != "" {
			text += "; " + f.Fix
		}
		add(level, r.Template, text)
	}
	for _, text := range r.Warnings {
		add("warning", r.Template, text)
	}
	return j
}

// denials are why the pods of an object are denied, each with its place.
func (d *document) denials(o *object, out *admission.Outcome) (all []string) {
	l := d.lines()
	for _, p := range out.Problems {
		if d.unread(p.Field) {
			continue
		}
		all = append(all, d.place(l, p.Field)+": "+o.kind+"/"+o.name+": "+p.Text())
	}
	if len(all) == 0 && len(d.mistakes) == 0 {
		all = append(all, o.label(d)+": "+out.Message())
	}
	return all
}
