// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// helperMarkdown is a page on helpers for the platform's own documentation.
func helperMarkdown(b *strings.Builder, all []helperInfo) {
	for i := range all {
		h := &all[i]
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "## %s\n\n%s\n\n", h.Name, h.Doc)
		h.markdownFacts(b)
		h.markdownExample(b)
		b.WriteString("| annotation | type | default | bounds | meaning |\n|---|---|---|---|---|\n")
		for j := range h.Options {
			h.Options[j].markdown(b, h.Policy)
		}
	}
}

// markdownFacts are what concerns the whole helper.
func (h *helperInfo) markdownFacts(b *strings.Builder) {
	if !h.Single {
		fmt.Fprintf(b, "The container is `%[1]s%[2]s`. A second instance has a name in front of each annotation, such as `docs.%[2]s.%[3]s/…`, and its container is `%[1]s%[2]s-docs`.\n\n", pod.ReservedPrefix, h.Name, helper.Domain)
	}
	if len(h.Privileges) > 0 {
		fmt.Fprintf(b, "It needs the privileges `%s`.\n\n", strings.Join(h.Privileges, "`, `"))
	}
	switch {
	case h.Allowed != nil && !*h.Allowed:
		fmt.Fprintf(b, "The policy `%s` does not allow it.\n\n", h.Policy)
	case h.AllowedBy != nil && len(h.AllowedBy) == 0:
		b.WriteString("No policy allows it.\n\n")
	case h.AllowedBy != nil:
		fmt.Fprintf(b, "Allowed by the policies %s.\n\n", option.JoinAnd(h.AllowedBy))
	}
}

// markdownExample are the annotations that a pod needs at least.
func (h *helperInfo) markdownExample(b *strings.Builder) {
	b.WriteString("```yaml\nmetadata:\n  annotations: # of the pod template\n")
	any := false
	for i := range h.Options {
		if o := &h.Options[i]; o.Required && o.Effective == "" || !any && i == len(h.Options)-1 {
			fmt.Fprintf(b, "    %s: %q\n", o.Key, o.Example)
			any = true
		}
	}
	b.WriteString("```\n\n")
}

// markdown is one row.
func (o *optionInfo) markdown(b *strings.Builder, policy string) {
	code := func(text string) string {
		if text == "" {
			return ""
		}
		return "`" + text + "`"
	}
	standard := code(o.Default)
	switch {
	case o.Effective != "":
		standard = code(o.Effective)
	case o.Required:
		standard = "**required**"
	}
	bounds := code(strings.Join(o.Choices, "`, `"))
	switch {
	case o.Min != "" && o.Max != "":
		bounds = o.Min + " to " + o.Max
	case o.Min != "":
		bounds = "at least " + o.Min
	case o.Max != "":
		bounds = "at most " + o.Max
	}
	var meaning strings.Builder
	meaning.WriteString(o.Doc)
	if o.Rule != "" {
		fmt.Fprintf(&meaning, " Policy `%s`: %s.", policy, o.Rule)
	}
	for _, r := range o.Rules {
		fmt.Fprintf(&meaning, " Policy `%s`: %s.", r.Policy, r.Rule)
	}
	if o.Example != "" {
		meaning.WriteString(" Such as " + code(o.Example) + ".")
	}
	cells := []string{code(o.Key), o.Type, standard, bounds, meaning.String()}
	for i := range cells {
		cells[i] = strings.ReplaceAll(strings.Join(strings.Fields(cells[i]), " "), "|", `\|`)
	}
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}
