// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/nearmiss"
	"github.com/pillion-dev/pillion/internal/policytest"
)

func newPolicy() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Begin policies, lint them, test them",
		Long: `Begin policies, and check them before they are installed: init writes one to fill in,
lint finds mistakes, test runs tables.`,
		// Without it cobra takes a misspelt verb for a question, and a pipeline goes on.
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			hint := ""
			if near := nearmiss.Nearest(args[0], []string{"init", "lint", "test"}); near != "" {
				hint = fmt.Sprintf("; did you mean %q?", near)
			}
			return fmt.Errorf("unknown command %q for %q%s", args[0], cmd.CommandPath(), hint)
		},
		DisableFlagsInUseLine: true,
	}
	cmd.AddCommand(newPolicyInit(), newLint(), newTest())
	return cmd
}

// some asks for at least one argument.
func some(question string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return errors.New(question)
		}
		return nil
	}
}

// filesByFlag takes no arguments, and says how files are named.
func filesByFlag(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q: name files with -f", args[0])
	}
	return nil
}

// completePolicies completes arguments to YAML and JSON files.
func completePolicies(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
}

type testOptions struct {
	output string
	policy string
}

func newTest() *cobra.Command {
	var o testOptions
	cmd := &cobra.Command{
		Use:   "test FILE...",
		Short: "Run tables of pods and what a policy makes of them",
		Long: `Run tables of pods and what a policy makes of them, for the CI of those who write
policies. The same code decides as in the webhook. A table is a file like this:

  apiVersion: pillion.dev/v1alpha1
  kind: PolicyTest
  policy: web.yaml                # relative to this file
  cases:
  - name: a repository of ours is polled
    annotations:                  # on a pod with one container, "app"
      git-poller.pillion.dev/repo: https://github.com/acme/site.git
      git-poller.pillion.dev/mount-path: /html
    want:
      result: Injected
      helpers: [git-poller]
      values: {git-poller.pillion.dev/period: 1m}
  - name: one of another organization is denied
    pod: {metadata: {...}, spec: {...}}   # or a whole pod; or file: deploy.yaml
    annotations: {git-poller.pillion.dev/repo: https://example.com/x.git, ...}
    want: {result: Denied, reason: ValueNotAllowed, message: "allowed values:"}

Of want only the result has to be there; what is left out is not compared.

Exit codes: 0 all cases pass; 1 a case fails; 2 a file, a flag or the policy is wrong.`,
		Example: `  kubectl pillion policy test tests/*.yaml`,
		Args:    some("which tables? Name files, such as tests/web.yaml"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(args, cmd.OutOrStdout())
		},
		ValidArgsFunction: completePolicies,
	}
	policyFlag(cmd, &o.policy, "policy file to test (default: the one that the table names)")
	reportFlag(cmd, &o.output)
	return cmd
}

func (o *testOptions) run(files []string, out io.Writer) error {
	if err := checkReport(o.output); err != nil {
		return err
	}
	var all []policytest.Outcome
	for _, file := range files {
		outcomes, err := o.table(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, outcomes...)
	}
	if err := printReport(out, o.output, all, testText, testJudgement); err != nil {
		return err
	}
	for i := range all {
		if !all[i].Passed {
			return errRefused
		}
	}
	return nil
}

// table runs one file.
func (o *testOptions) table(file string) ([]policytest.Outcome, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	f, err := policytest.Parse(data)
	if err != nil {
		return nil, err
	}
	p, err := o.policyOf(f, filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	runner := policytest.Runner{Injector: injector(), Policy: p, Objects: func(manifest string) ([]policytest.Object, error) {
		return objectsOf(beside(filepath.Dir(file), manifest))
	}}
	outcomes, err := runner.Run(f)
	for i := range outcomes {
		outcomes[i].File = file
	}
	return outcomes, err
}

func (o *testOptions) policyOf(f *policytest.File, dir string) (*inject.Policy, error) {
	switch {
	case o.policy != "":
		return loadPolicy(o.policy)
	case f.Policy != "":
		return loadPolicy(beside(dir, f.Policy))
	}
	return nil, errors.New("policy: is missing; name the policy's file there, or with --policy")
}

// beside is a path as a file in dir means it.
func beside(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func objectsOf(manifest string) ([]policytest.Object, error) {
	documents, err := readFile(manifest)
	if err != nil {
		return nil, err
	}
	if len(documents) == 0 {
		return nil, fmt.Errorf("no object in %s", manifest)
	}
	if err := rejected(documents); err != nil {
		return nil, err
	}
	var all []policytest.Object
	for _, d := range documents {
		objects, err := d.objects()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.source, err)
		}
		for _, o := range objects {
			all = append(all, policytest.Object{Name: o.kind + "/" + o.name, Document: d.json, At: o.at})
		}
	}
	return all, nil
}

func testJudgement(o *policytest.Outcome) judgement {
	j := judgement{File: o.File, Name: o.Name}
	for _, text := range o.Differences {
		j.Findings = append(j.Findings, finding{"error", remark{Text: o.Name + ": " + text}})
	}
	return j
}

func testText(b *strings.Builder, all []policytest.Outcome) {
	failed, file := 0, ""
	for _, o := range all {
		if o.File != file {
			file = o.File
			fmt.Fprintln(b, file)
		}
		fmt.Fprintf(b, "  %s %s\n", mark(o.Passed), o.Name)
		for _, text := range o.Differences {
			fmt.Fprintf(b, "      %s\n", strings.ReplaceAll(text, "\n", "\n      "))
		}
		if !o.Passed {
			failed++
		}
	}
	if failed > 0 {
		fmt.Fprintf(b, "%d of %d cases failed\n", failed, len(all))
		return
	}
	fmt.Fprintf(b, "%d cases passed\n", len(all))
}
