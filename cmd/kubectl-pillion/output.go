// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// completionTimeout is how long a person waits for a completion before typing on.
const completionTimeout = 2 * time.Second

// outputFlag adds -o to a command that tells something to a person or a script.
func outputFlag(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVarP(output, "output", "o", "text", "output format: text, or json or yaml (always a list)")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

// policyFlag adds --policy, which completes to files.
func policyFlag(cmd *cobra.Command, at *string, help string) {
	cmd.Flags().StringVar(at, "policy", "", help)
	_ = cmd.MarkFlagFilename("policy", "yaml", "yml", "json") // the flag is there
}

func checkOutput(output string) error {
	if output != "text" && output != "json" && output != "yaml" {
		return fmt.Errorf("--output %q: must be text, json or yaml", output)
	}
	return nil
}

// printList writes a list as JSON, as YAML or as text, of which all is printable.
func printList[T any](out io.Writer, output string, list []T, text func(*strings.Builder, []T)) error {
	if output == "json" || output == "yaml" {
		if list == nil {
			list = []T{}
		}
		text, err := formatJSON(list)
		if err != nil {
			return err
		}
		text = printableJSON(text)
		if output == "yaml" {
			if text, err = yaml.JSONToYAML(text); err != nil {
				return err
			}
		}
		_, err = out.Write(text)
		return err
	}
	makePrintable(reflect.ValueOf(list))
	var b strings.Builder
	text(&b, list)
	written := b.String()
	if wantsColour(out, os.Getenv) {
		written = coloured(written)
	}
	_, err := io.WriteString(out, written)
	return err
}

// writeJSON writes a value with characters as they are: what JSON in a web page has to
// escape is plain here.
func writeJSON(out io.Writer, value any) error {
	text, err := formatJSON(value)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

func formatJSON(value any) ([]byte, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	text, err := jsontext.AppendFormat(nil, raw, jsontext.Multiline(true), jsontext.WithIndent("    "))
	return append(text, '\n'), err
}

// table writes rows with their columns aligned, each line behind an indent.
func table(b *strings.Builder, indent string, rows [][]string) {
	var aligned strings.Builder
	w := tabwriter.NewWriter(&aligned, 0, 8, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // a builder takes everything
	for line := range strings.Lines(aligned.String()) {
		b.WriteString(strings.TrimRight(indent+line, " \n") + "\n")
	}
}

// mark is ✓ or ✗.
func mark(good bool) string {
	if good {
		return "✓"
	}
	return "✗"
}

// dash stands for nothing in a table.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
