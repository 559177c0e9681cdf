// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/linediff"
)

type diffOptions struct {
	inputs  inputs
	policy  string
	context int
	cluster cluster.Flags
}

func newDiff() *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff (-f FILE|DIR|URL|- | -k DIR | KIND NAME)",
		Short: "Show what helpers add to files, or what pods lack of it",
		Long: `Show what helpers add to files, or what pods lack of it, as a unified diff.

With -f it compares files with what the webhook would make of them, without a cluster. The
lines, comments and order are those of the file, so that the output is a patch of it; a
document in JSON, or of which the lines cannot be kept, is shown as plain YAML.

With a kind (pod, deploy, sts, ds, rs, rc, job, cronjob) and a name it compares each pod
with one that would be made now: the cluster creates that one as a dry run, so that nothing
is stored. Only what Pillion adds is compared: its containers, volumes, mounts and
annotations. That needs the right to create pods in the namespace.

Exit codes, as those of kubectl diff: 0 no difference; 1 there are differences; 2 a pod
would be denied, a file, a flag or a policy is wrong, or the cluster did not answer.`,
		Example: `  # what would Pillion add?
  kubectl pillion diff -f web.yaml
  kubectl pillion diff -f rendered/ -R --policy policies/

  # what would a restart change?
  kubectl pillion diff deploy/web -n shop`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), args, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return completeObject(cmd.Context(), &o.cluster, args)
		},
	}
	o.inputs.bind(cmd)
	policyFlag(cmd, &o.policy, "with -f, "+filePolicyHelp)
	cmd.Flags().IntVarP(&o.context, "unified", "U", 3, "lines of context around each difference")
	o.cluster.Bind(cmd.Flags())
	return cmd
}

func (o *diffOptions) run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) error {
	if o.context < 0 {
		return fmt.Errorf("--unified %d: must be 0 or more", o.context)
	}
	var text string
	var err error
	switch {
	case o.inputs.named() && len(args) > 0:
		return errors.New("give either --filename or a kind and a name, not both")
	case o.inputs.named():
		text, err = o.files(ctx, in, errOut)
	case o.policy != "":
		return errors.New("--policy is for files: pods are compared with what the cluster would make now; name files with --filename")
	case len(args) == 0:
		return errors.New("nothing to compare: name a file with -f, or a kind and a name, such as deploy web")
	default:
		text, err = o.live(ctx, args)
	}
	if err != nil {
		return err
	}
	if err := printDiff(out, text); err != nil {
		return err
	}
	if text != "" {
		return errRefused
	}
	return nil
}

// files is the difference of all files.
func (o *diffOptions) files(ctx context.Context, in io.Reader, errOut io.Writer) (string, error) {
	policies, err := judgesAt(ctx, o.policy, &o.cluster)
	if err != nil {
		return "", err
	}
	documents, err := o.inputs.read(ctx, in)
	if err != nil {
		return "", err
	}
	if err := notes(errOut, policies.Known(), documents, true); err != nil {
		return "", err
	}
	policies.learn(documents)
	denied := false
	for _, d := range documents {
		d.before, denied = d.json, denied || len(d.mistakes) > 0
		denials, err := d.inject(func(o *object) (*inject.Policy, error) { return policies.of(ctx, o.namespace) }, errOut)
		if err != nil {
			return "", err
		}
		for _, text := range denials {
			denied = true
			fmt.Fprintf(errOut, "error: %s\n", text)
		}
	}
	if denied {
		return "", errUnseen
	}
	return o.unified(documents)
}

// unified writes the documents of one file as one difference, and behind it those of which the
// lines cannot be kept.
func (o *diffOptions) unified(documents []*document) (string, error) {
	var b, plain strings.Builder
	for len(documents) > 0 {
		n := 1
		for n < len(documents) && documents[n].file == documents[0].file && documents[n].line > documents[n-1].line {
			n++
		}
		file := documents[0].file
		lines := strings.SplitAfter(string(documents[0].whole), "\n")
		after, next := "", 0
		for _, d := range documents[:n] {
			if len(d.patches) == 0 {
				continue
			}
			text, end, kept := d.onOwnLines(lines)
			if !kept {
				before, with, err := d.plainTexts()
				if err != nil {
					return "", err
				}
				plain.WriteString(linediff.Unified(d.source+"\t(as YAML)", d.source+"\t(with helpers)", before, with, o.context))
				continue
			}
			after += strings.Join(lines[next:d.line-1], "") + text
			next = end
		}
		after += strings.Join(lines[next:], "")
		b.WriteString(linediff.Unified(file, file+"\t(with helpers)", string(documents[0].whole), after, o.context))
		documents = documents[n:]
	}
	return b.String() + plain.String(), nil
}

// onOwnLines is a document with its patches, of which every other line is as it was, and the
// line of its file behind it. The proof is that it reads as what was decided on.
func (d *document) onOwnLines(lines []string) (text string, end int, ok bool) {
	start := d.line - 1
	end = start + strings.Count(strings.TrimSuffix(string(d.text), "\n"), "\n") + 1
	if end > len(lines) || strings.TrimSuffix(strings.Join(lines[start:end], ""), "\n") != strings.TrimSuffix(string(d.text), "\n") {
		return "", 0, false
	}
	if bytes.HasPrefix(bytes.TrimSpace(d.text), []byte("{")) {
		return "", 0, false
	}
	plain, err := patchYAML(d.text, nil)
	if err != nil {
		return "", 0, false
	}
	with, err := patchYAML(d.text, d.patches)
	if err != nil {
		return "", 0, false
	}
	text, ok = linediff.Carry(string(d.text), string(plain), string(with))
	return text, end, ok && sameAsJSON([]byte(text), d.json)
}

// printDiff writes a difference, with colours on a terminal. Tabs stand in front of what diff
// writes behind a name, and may be in a manifest.
func printDiff(out io.Writer, text string) error {
	colour := wantsColour(out, os.Getenv)
	var b strings.Builder
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		for i := range cells {
			cells[i] = escaped(cells[i], false)
		}
		shown := strings.Join(cells, "\t")
		if code := map[byte]string{'+': "32", '-': "31", '@': "36"}[line[0]]; colour && code != "" {
			shown = "\x1b[" + code + "m" + shown + "\x1b[0m"
		}
		b.WriteString(shown + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}
