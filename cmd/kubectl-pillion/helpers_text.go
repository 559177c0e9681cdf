// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/option"
)

func helperListText(b *strings.Builder, all []helperInfo) {
	for i, h := range all {
		if i > 0 {
			b.WriteString("\n")
		}
		h.head(b)
		var required []string
		for _, o := range h.Options {
			if o.Required {
				required = append(required, o.Key)
			}
		}
		if len(required) > 0 {
			fmt.Fprintf(b, "  needs %s\n", strings.Join(required, ", "))
		}
	}
	policyText(b, all)
	if len(all) > 0 {
		fmt.Fprintf(b, "\nThe options of one: kubectl pillion helpers %s\n", all[0].Name)
	}
}

func (h *helperInfo) head(b *strings.Builder) {
	b.WriteString(h.Name)
	if h.Allowed != nil && !*h.Allowed {
		fmt.Fprintf(b, " (policy %q does not allow it)", h.Policy)
	}
	if h.Engine != "" {
		fmt.Fprintf(b, " (policy %q: engine %s)", h.Policy, h.Engine)
	}
	b.WriteString("\n")
	wrapped(b, "  ", h.Doc)
	if len(h.Privileges) > 0 {
		wrapped(b, "  ", "needs the privileges "+option.JoinAnd(h.Privileges))
	}
	if h.Reach != nil {
		for _, text := range h.Reach.sentences() {
			wrapped(b, "  ", fmt.Sprintf("policy %q: %s", h.Policy, text))
		}
	}
	switch {
	case h.AllowedBy == nil:
	case len(h.AllowedBy) == 0:
		b.WriteString("  no policy allows it\n")
	default:
		wrapped(b, "  ", "allowed by the policies "+option.JoinAnd(h.AllowedBy))
	}
	for _, a := range h.Added {
		wrapped(b, "  ", a.text(h.Policy))
	}
}

func helperText(b *strings.Builder, all []helperInfo) {
	for _, h := range all {
		h.head(b)
		for _, o := range h.Options {
			fmt.Fprintf(b, "\n%s\n", o.Key)
			wrapped(b, "    ", o.Doc)
			fmt.Fprintf(b, "    %s\n", strings.Join(o.facts(), "; "))
			if o.Engine != "" {
				wrapped(b, "    ", "engine "+h.Engine+": "+o.Engine)
			}
			if o.Rule != "" {
				fmt.Fprintf(b, "    policy %q: %s\n", h.Policy, o.Rule)
			}
			for _, r := range o.Rules {
				fmt.Fprintf(b, "    policy %q: %s\n", r.Policy, r.Rule)
			}
		}
	}
	policyText(b, all)
}

// facts are what the declaration says of an option's values.
func (o *optionInfo) facts() []string {
	facts := []string{o.Type}
	if len(o.Choices) > 0 {
		facts[0] = strings.Join(o.Choices, " or ")
	}
	switch {
	case o.Min != "" && o.Max != "":
		facts = append(facts, "from "+o.Min+" to "+o.Max)
	case o.Min != "":
		facts = append(facts, "at least "+o.Min)
	case o.Max != "":
		facts = append(facts, "at most "+o.Max)
	}
	switch {
	case o.Effective != "" && o.Effective != o.Default:
		facts = append(facts, "default here "+o.Effective)
	case o.Default != "":
		facts = append(facts, "default "+o.Default)
	case o.Required:
		facts = append(facts, "required")
	}
	if o.Example != "" {
		facts = append(facts, "such as "+o.Example)
	}
	return facts
}

// wrapped writes a string in lines of at most 96 characters.
func wrapped(b *strings.Builder, indent, text string) {
	const width = 96
	line := indent
	for word := range strings.FieldsSeq(text) {
		if len(line)+len(word) > width && line != indent {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		line += word + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}
