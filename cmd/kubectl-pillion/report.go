// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pillion-dev/pillion/internal/version"
)

// judgement is what a CI shows of one thing that was looked at: a file, or a case of a table.
type judgement struct {
	File, Name string
	Findings   []finding
	pod        bool // it is an object that makes pods, and not a policy or a test of one
}

// rule is what a finding breaks, for SARIF.
func (j *judgement) rule(f *finding) string {
	if j.pod {
		return "pod-" + f.level
	}
	return "policy-" + f.level
}

// finding is a remark with how bad it is: "error" or "warning".
type finding struct {
	level string
	remark
}

// words are the field and what is wrong with it.
func (f *finding) words() string {
	if f.Field == "" {
		return f.Text
	}
	return f.Field + ": " + f.Text
}

// reports are the output formats that CI systems show beside the lines of a change.
var reports = map[string]func(io.Writer, []judgement) error{"github": githubReport, "junit": junitReport, "sarif": sarifReport}

// reportFlag adds -o to a command that CI runs.
func reportFlag(cmd *cobra.Command, output *string) {
	formats := []string{"text", "json", "yaml", "github", "junit", "sarif"}
	cmd.Flags().StringVarP(output, "output", "o", "text", "output format: text, json or yaml (always a list), github (workflow commands, shown beside the lines), junit or sarif")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

// checkReport is checkOutput for a command with reportFlag.
func checkReport(output string) error {
	if reports[output] == nil && checkOutput(output) != nil {
		return fmt.Errorf("--output %q: must be text, json, yaml, github, junit or sarif", output)
	}
	return nil
}

// printReport is printList for a command with reportFlag.
func printReport[T any](out io.Writer, output string, list []T, text func(*strings.Builder, []T), judge func(*T) judgement) error {
	report := reports[output]
	if report == nil {
		return printList(out, output, list, text)
	}
	var all []judgement
	for i := range list {
		all = append(all, judge(&list[i]))
	}
	return report(onlyPrintable{out}, all)
}

// githubReport writes workflow commands:
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions
func githubReport(out io.Writer, all []judgement) error {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	var b strings.Builder
	for _, j := range all {
		for _, f := range j.Findings {
			fmt.Fprintf(&b, "::%s file=%s,line=%d::%s\n", f.level, property.Replace(filepath.ToSlash(j.File)), max(f.Line, 1), data.Replace(f.words()))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class    string         `xml:"classname,attr"`
		Name     string         `xml:"name,attr"`
		Failures []junitFailure `xml:"failure"`
		Output   string         `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// junitReport writes what Jenkins, GitLab and others read. Errors are failures, warnings are
// output.
func junitReport(out io.Writer, all []judgement) error {
	var report junitSuites
	for _, j := range all {
		i := slices.IndexFunc(report.Suites, func(s junitSuite) bool { return s.Name == j.File })
		if i < 0 {
			i = len(report.Suites)
			report.Suites = append(report.Suites, junitSuite{Name: j.File})
		}
		c := junitCase{Class: j.File, Name: j.Name}
		for _, f := range j.Findings {
			text := f.words()
			if f.Line > 0 {
				text = fmt.Sprintf("line %d: %s", f.Line, text)
			}
			if f.level == "error" {
				c.Failures = append(c.Failures, junitFailure{f.Text, text})
			} else {
				c.Output += f.level + ": " + text + "\n"
			}
		}
		s := &report.Suites[i]
		s.Cases = append(s.Cases, c)
		s.Tests++
		s.Failures += min(1, len(c.Failures))
	}
	text, err := xml.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s%s\n", xml.Header, text)
	return err
}

// sarifReport writes what code scanning reads, SARIF 2.1.0.
func sarifReport(out io.Writer, all []judgement) error {
	type object = map[string]any
	results := []object{}
	for _, j := range all {
		for _, f := range j.Findings {
			text := f.words()
			if f.Link != "" {
				text += "\nSee " + f.Link
			}
			results = append(results, object{
				"ruleId": j.rule(&f), "level": f.level, "message": object{"text": text},
				"locations": []object{{"physicalLocation": object{
					"artifactLocation": object{"uri": filepath.ToSlash(j.File)},
					"region":           object{"startLine": max(f.Line, 1)},
				}}},
			})
		}
	}
	return writeJSON(out, object{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []object{{
			"tool": object{"driver": object{
				"name": "kubectl-pillion", "version": version.String(),
				"rules": []object{
					{"id": "policy-error", "shortDescription": object{"text": "the webhook would not load this, or a case of a table fails"}, "helpUri": onSite("policy")},
					{"id": "policy-warning", "shortDescription": object{"text": "the webhook would load this, and it is probably not intended"}, "helpUri": onSite("policy")},
					{"id": "pod-error", "shortDescription": object{"text": "pods of this would be denied, or would lack what they request"}, "helpUri": onSite("annotations")},
					{"id": "pod-warning", "shortDescription": object{"text": "pods of this would be admitted, with a warning"}, "helpUri": onSite("annotations")},
				},
			}},
			"results": results,
		}},
	})
}
