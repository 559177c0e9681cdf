// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

const (
	helpWidth  = 80
	helpIndent = "      "

	help = `Pillion's admission webhook. The API server asks it about each new pod that has
a pillion.dev/ annotation, and it answers with the helper sidecars to add.

It needs a certificate and nothing else: no ServiceAccount token and no access
to the API server. SIGTERM starts a drain (see Lifecycle), a second one stops
it at once.

Usage:
  webhook [flags]
`
)

// printHelp writes the help text with all flags in their groups.
//
// cliflag.PrintSections would sort the flags within a group, which puts the
// maximum before the minimum, and pad each line with blanks.
func printHelp(w io.Writer) {
	groups := new(options).flags()
	var text strings.Builder
	text.WriteString(help)
	for _, name := range groups.Order {
		fmt.Fprintf(&text, "\n%s:\n", name)
		flags := groups.FlagSets[name]
		flags.SortFlags = false
		flags.VisitAll(func(f *pflag.Flag) { describe(&text, f) })
	}
	_, _ = io.WriteString(w, text.String())
}

// describe writes the name, placeholder and default of a flag on one line, and
// what it means below.
func describe(text *strings.Builder, f *pflag.Flag) {
	placeholder, usage := pflag.UnquoteUsage(f)
	text.WriteString("  ")
	if f.Shorthand != "" {
		fmt.Fprintf(text, "-%s, ", f.Shorthand)
	}
	text.WriteString("--" + f.Name)
	if f.Value.Type() != "bool" {
		text.WriteString(" " + placeholder)
		if f.DefValue != "" && f.DefValue != "[]" {
			fmt.Fprintf(text, "  (default %s)", f.DefValue)
		}
	}
	text.WriteString("\n")
	for _, line := range wrap(usage, helpWidth-len(helpIndent)) {
		text.WriteString(helpIndent + line + "\n")
	}
}

// wrap breaks text at blanks into lines of at most width bytes, where words
// permit.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
