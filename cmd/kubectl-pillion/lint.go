// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/net/publicsuffix"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/rule"
	"github.com/pillion-dev/pillion/internal/nearmiss"
	"github.com/pillion-dev/pillion/internal/policy"
)

type lintOptions struct {
	output string
	strict bool
}

func newLint() *cobra.Command {
	var o lintOptions
	cmd := &cobra.Command{
		Use:   "lint FILE|DIRECTORY|-...",
		Short: "Find the mistakes in policies, in files of their own or in Helm values",
		Long: `Find the mistakes in policy files, with their lines: what the webhook would reject,
and as warnings what it would load but is probably not intended. Of a directory,
manifests of other kinds are passed over and named; - is standard input.

Values of the chart are read as well: the policies and helpers in them. So is what helm
template prints of them, a ConfigMap of policies. What --policy names may be any of these;
of the values, the images that imageRegistry moves keep their names.

Exit codes: 0 the webhook would load the files; 1 it would not, or with --strict
there is a warning; 2 a file could not be read, or a flag is wrong.`,
		Example: `  kubectl pillion policy lint policies/

  # the policies of a Helm release, before it is upgraded
  kubectl pillion policy lint values.yaml
  helm template pillion charts/pillion -f values.yaml | kubectl pillion policy lint -

  # in a workflow of GitHub: mistakes are shown beside their lines
  kubectl pillion policy lint policies/ -o github`,
		Args: some("which policies? Name files, or directories of them, such as policies/"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(args, cmd.InOrStdin(), cmd.OutOrStdout())
		},
		ValidArgsFunction: completePolicies,
	}
	reportFlag(cmd, &o.output)
	cmd.Flags().BoolVar(&o.strict, "strict", false, "exit with 1 for warnings as well")
	return cmd
}

// linted is what there is to say about one file.
type linted struct {
	File       string   `json:"file"`
	Policy     string   `json:"policy,omitempty"` // its name
	Hash       string   `json:"hash,omitempty"`
	Defines    string   `json:"defines,omitempty"`    // the helper of the file, which then has no policy
	PassedOver string   `json:"passedOver,omitempty"` // the kind of a manifest that is neither
	Privileges []string `json:"privileges,omitempty"` // that it needs
	Helpers    []string `json:"helpers,omitempty"`    // those that it allows
	Requires   []string `json:"requires,omitempty"`
	Injects    []string `json:"injects,omitempty"` // by default
	Mistakes   []remark `json:"mistakes,omitempty"`
	Warnings   []remark `json:"warnings,omitempty"`
}

func (o *lintOptions) run(args []string, in io.Reader, out io.Writer) error {
	if err := checkReport(o.output); err != nil {
		return err
	}
	files, err := policyFiles(args, in)
	if err != nil {
		return err
	}
	names, defines := map[string]string{}, map[string]string{} // of policies and helpers, and the file that each is in
	var all []linted
	bad := false
	for i := range files {
		f := &files[i]
		if f.passedOver != "" {
			all = append(all, linted{File: f.Name, PassedOver: f.passedOver})
			continue
		}
		l := f.lint(files)
		if f.at == "" { // values of one chart may repeat what other values have
			l.twice(f, names, "policy", l.Policy)
			l.twice(f, defines, "helper", l.Defines)
		}
		bad = bad || len(l.Mistakes) > 0 || o.strict && len(l.Warnings) > 0
		all = append(all, l)
	}
	if err := printReport(out, o.output, all, lintText, (*linted).judgement); err != nil {
		return err
	}
	if bad {
		return errRefused
	}
	return nil
}

// twice notes the name of a policy or a helper, and whether another file has it already.
func (l *linted) twice(f *policyFile, names map[string]string, what, name string) {
	if name == "" {
		return
	}
	if first := names[name]; first != "" {
		l.Mistakes = append(l.Mistakes, f.lines().at("metadata.name", fmt.Sprintf("the %s %q is in %s already; give each its own name", what, name, first)))
		return
	}
	names[name] = f.Name
}

// lines are those of the file.
func (f *policyFile) lines() *lines {
	if f.Document != nil {
		return &lines{f.Document.Content[0]}
	}
	return newLines(f.Data)
}

// known are the helpers that a policy may list: those beside its file, or of the same file. What is
// wrong with a definition is said of the definition.
func (f *policyFile) known(all []policyFile) *helper.Set {
	if f.Document == nil && f.Name != standardInput {
		if known, _ := policy.Beside(f.Name); known != nil {
			return known
		}
		return helpers.Builtin()
	}
	var same []policy.File
	for i := range all {
		if all[i].Name == f.Name {
			same = append(same, all[i].File)
		}
	}
	known, _ := policy.Helpers(same)
	return known
}

// lint checks one of all files.
func (f *policyFile) lint(all []policyFile) linted {
	l := linted{File: f.Name}
	lines := f.lines()
	if f.DefinesHelper() {
		l.helper(f, lines)
	} else {
		l.policy(f, lines, f.known(all))
	}
	if f.at != "" {
		for _, remarks := range [][]remark{l.Mistakes, l.Warnings} {
			for i := range remarks {
				remarks[i].move(f.at)
			}
		}
	}
	return l
}

// move names the spec of a policy as values of a chart have it.
func (r *remark) move(at string) {
	for _, text := range []*string{&r.Field, &r.Text} {
		if rest, found := strings.CutPrefix(*text, "spec"); found && (rest == "" || strings.ContainsAny(rest[:1], ".:[")) {
			*text = at + rest
		}
	}
}

// policy checks a policy.
func (l *linted) policy(f *policyFile, lines *lines, known *helper.Set) {
	p, err := f.Parse(known)
	if err != nil {
		for _, one := range apart(err) {
			l.Mistakes = append(l.Mistakes, lines.remark(one))
		}
		slices.SortStableFunc(l.Mistakes, func(a, b remark) int { return a.Line - b.Line })
		return
	}
	l.Policy, l.Hash = p.Name, p.Hash
	for _, h := range p.Known.All() {
		hp := p.Helpers[h.Name]
		if hp == nil {
			continue
		}
		l.Helpers = append(l.Helpers, h.Name)
		l.Warnings = append(l.Warnings, doubtful(h, hp, lines)...)
	}
	l.Requires, l.Injects = additionNames(p.Require), additionNames(p.Inject)
	l.Warnings = append(l.Warnings, doubtfulAdditions(p, lines)...)
	if len(l.Helpers) == 0 {
		l.Warnings = append(l.Warnings, lines.at("spec.helpers", "no helper is listed, so none is allowed"))
	}
}

// helper checks the definition of a helper.
func (l *linted) helper(f *policyFile, lines *lines) {
	h, err := f.ParseHelper()
	if err == nil && helpers.Builtin().Find(h.Name) != nil {
		err = fmt.Errorf("metadata.name: the name %q is taken by a built-in helper; choose another", h.Name)
	}
	if err != nil {
		for _, one := range apart(err) {
			l.Mistakes = append(l.Mistakes, lines.remark(one))
		}
		return
	}
	l.Defines, l.Privileges = h.Name, h.Privileges
}

// doubtful finds what is valid and cannot be meant.
func doubtful(h *helper.Helper, hp *rule.Helper, lines *lines) []remark {
	var all []remark
	at := "spec.helpers[" + h.Name + "]"
	if last := hp.Image[strings.LastIndexByte(hp.Image, '/')+1:]; !strings.ContainsAny(last, ":@") || strings.HasSuffix(last, ":latest") {
		all = append(all, lines.at(at+".image", fmt.Sprintf("the image %s names no version, so two pods of one policy may run two of them", hp.Image)))
	}
	for i := range h.Options {
		o := &h.Options[i]
		r := hp.Rules[o.Name]
		if r == nil {
			continue
		}
		path := at + ".options[" + o.Name + "]"
		if _, _, err := rule.Effective(o, r); err != nil {
			all = append(all, lines.at(path, fmt.Sprintf("every pod has to set %s, since its default, %s, is not allowed: %v; add a default", h.Key("", o.Name), o.Default, err)))
		}
		var seen []string
		for j, pattern := range r.Allow {
			if slices.Contains(seen, pattern.String()) {
				all = append(all, lines.at(fmt.Sprintf("%s.allow[%d]", path, j), fmt.Sprintf("%q is there twice", pattern)))
			}
			seen = append(seen, pattern.String())
			if text := option.ForeignHosts(pattern, isPublicSuffix); text != "" {
				all = append(all, lines.at(fmt.Sprintf("%s.allow[%d]", path, j), text))
			}
		}
	}
	for i, s := range hp.Secrets {
		for j, pattern := range s.Repo {
			if text := option.ForeignHosts(pattern, isPublicSuffix); text != "" {
				all = append(all, lines.at(fmt.Sprintf("%s.secrets[%d].repo[%d]", at, i, j), text))
			}
		}
	}
	return append(all, crossProduct(h, hp, lines, at)...)
}

// isPublicSuffix reports whether anybody can register names directly below a domain, such as com
// or github.io. A top-level domain that nobody lists, such as internal, is the reader's own.
func isPublicSuffix(domain string) bool {
	suffix, listed := publicsuffix.PublicSuffix(domain)
	return suffix == domain && (listed || strings.Contains(suffix, "."))
}

// crossProduct warns of Secrets that may be sent to more than one place, without a word on which
// of them goes where.
func crossProduct(h *helper.Helper, hp *rule.Helper, lines *lines, at string) []remark {
	repo, secret := hp.Rules["repo"], hp.Rules["secret"]
	if len(hp.Secrets) > 0 || h.Option("secret") == nil || repo == nil || secret == nil || len(secret.Allow) == 0 {
		return nil
	}
	if len(repo.Allow) < 2 && !slices.ContainsFunc(repo.Allow, option.AnyHost) {
		return nil
	}
	return []remark{lines.at(at+".options[secret]", "each of these Secrets may be sent to each repository that the rule of repo allows; say which goes where: secrets: [{name: git-*, repo: [\"https://git.acme.example/*\"]}]")}
}

// apart takes an error of several mistakes apart.
func apart(err error) []error {
	if list := (interface{ Unwrap() []error })(nil); errors.As(err, &list) {
		return list.Unwrap()
	}
	if list := utilerrors.Aggregate(nil); errors.As(err, &list) {
		return list.Errors()
	}
	return []error{err}
}

// remark puts a mistake to its line. A field's own error says which field it is about;
// others begin with their line, if they have one.
func (l *lines) remark(err error) remark {
	if wrong := (*field.Error)(nil); errors.As(err, &wrong) {
		if wrong.Type == field.ErrorTypeNotFound && strings.Contains(fmt.Sprint(wrong.BadValue), "did you mean") {
			return l.at(wrong.Field, fmt.Sprintf("there is no %v", wrong.BadValue))
		}
		if wrong.Type == field.ErrorTypeNotFound {
			return l.at(wrong.Field, fmt.Sprintf("there is no %v%s", wrong.BadValue, nearest(wrong.Field)))
		}
		return l.at(wrong.Field, wrong.ErrorBody())
	}
	text := err.Error()
	if path, rest, found := strings.Cut(text, ": "); found {
		if r := l.at(path, rest); r.Line > 0 {
			return r
		}
	}
	var line int
	if n, _ := fmt.Sscanf(text, "line %d:", &line); n == 1 {
		_, text, _ = strings.Cut(text, ": ")
	}
	return remark{Line: line, Text: text}
}

// nearest suggests a helper, or an option of one, for the last name in a path.
func nearest(path string) string {
	tokens := fieldTokens(path)
	candidates := helperNames()
	if len(tokens) == 5 { // spec, helpers, NAME, options, NAME
		h := helpers.Builtin().Find(tokens[2])
		if h == nil {
			return ""
		}
		candidates = nil
		for i := range h.Options {
			candidates = append(candidates, h.Options[i].Name)
		}
	}
	if near := nearmiss.Nearest(tokens[len(tokens)-1], candidates); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

func lintText(b *strings.Builder, all []linted) {
	for i := range all {
		l := &all[i]
		if l.PassedOver != "" {
			fmt.Fprintf(b, "- %s: a %s, passed over\n", l.File, l.PassedOver)
			continue
		}
		if len(l.Mistakes) > 0 { //nolint:gocritic // three unlike conditions
			fmt.Fprintf(b, "✗ %s\n", l.File)
		} else if l.Defines != "" {
			fmt.Fprintf(b, "✓ %s: helper %q", l.File, l.Defines)
			if len(l.Privileges) > 0 {
				b.WriteString("; needs the privileges " + strings.Join(l.Privileges, ", "))
			}
			b.WriteString("\n")
		} else {
			fmt.Fprintf(b, "✓ %s: policy %q, %s, allows %s", l.File, l.Policy, l.Hash, orNothing(l.Helpers))
			if len(l.Requires) > 0 {
				b.WriteString("; requires " + strings.Join(l.Requires, ", "))
			}
			if len(l.Injects) > 0 {
				b.WriteString("; adds " + strings.Join(l.Injects, ", "))
			}
			b.WriteString("\n")
		}
		for _, r := range l.Mistakes {
			r.text(b, "✗")
		}
		for _, r := range l.Warnings {
			r.text(b, "!")
		}
	}
}

func (l *linted) judgement() judgement {
	j := judgement{File: l.File, Name: cmp.Or(l.Policy, l.Defines, filepath.Base(l.File))}
	for _, r := range l.Mistakes {
		j.Findings = append(j.Findings, finding{"error", r})
	}
	for _, r := range l.Warnings {
		j.Findings = append(j.Findings, finding{"warning", r})
	}
	return j
}

func orNothing(words []string) string {
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}

func (r *remark) text(b *strings.Builder, sign string) {
	fmt.Fprintf(b, "  %s ", sign)
	if r.Line > 0 {
		fmt.Fprintf(b, "line %d: ", r.Line)
	}
	if r.Field != "" {
		fmt.Fprintf(b, "%s: ", r.Field)
	}
	b.WriteString(r.Text + "\n")
}
