// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
)

var update = flag.Bool("update", false, "write examples and outputs into the pages")

// Each page is read from top to bottom, in a namespace and a directory of its own.
func TestWhatThePagesSayIsSo(t *testing.T) {
	t.Parallel()
	names, err := pages(root(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		all := pageBlocks(t, name)
		if !slices.ContainsFunc(all, func(b block) bool { return !slices.Contains(quiet, b.lang) }) {
			continue
		}
		t.Run(strings.TrimSuffix(strings.TrimPrefix(name, "docs/"), ".md"), func(t *testing.T) {
			t.Parallel()
			r := newReader(t, name)
			for _, b := range all {
				r.read(t, b)
			}
		})
	}
}

// A reader does what a page says.
type reader struct {
	dir     string
	env     []string
	script  string // the last sh block that was run
	printed string // by it
}

// newReader makes a directory that looks like a clone of the repository and a namespace, to
// which the kubeconfig points.
func newReader(t *testing.T, page string) *reader {
	t.Helper()
	r := &reader{dir: t.TempDir()}
	for _, name := range []string{"charts", "config", "examples", "docs"} {
		if err := os.Symlink(filepath.Join(root(t), name), filepath.Join(r.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	ns := strings.NewReplacer("/", "-", ".md", "").Replace(page)
	if err := rig.plane.Namespace(t.Context(), ns, nil); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(rig.plane.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	r.env = append(os.Environ(), "KUBECONFIG="+file, "HOME="+r.dir, "PATH="+rig.bin+":"+os.Getenv("PATH"), "NO_COLOR=1", "COLUMNS=120")
	if out, code := r.run(t, "kubectl config set-context --current --namespace="+ns, false); code != 0 {
		t.Fatal(out)
	}
	return r
}

// run runs a script and returns what it printed, and its exit code.
func (r *reader) run(t *testing.T, script string, dry bool) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = r.dir, r.env
	if dry {
		cmd.Env = append(slices.Clone(r.env), "PATH="+filepath.Join(rig.bin, "dry")+":"+rig.bin+":"+os.Getenv("PATH"))
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	} else if ok {
		return out.String(), exit.ExitCode()
	}
	return out.String(), 0
}

func (r *reader) read(t *testing.T, b block) {
	t.Helper()
	verb, rest, _ := strings.Cut(b.mark, " ")
	if verb == "file" {
		b.text = r.example(t, b, rest)
	}
	if b.title != "" {
		r.write(t, b.title, b.text)
	}
	switch {
	case b.lang == "text" && verb == "output":
		r.compare(t, b)
	case slices.Contains(quiet, b.lang) && verb == "":
	case verb == "needs" || verb == "e2e":
		r.parse(t, b)
	case b.lang == "yaml" && verb == "input" && b.title != "":
	case b.lang == "yaml":
		r.manifest(t, b, verb)
	case b.lang == "sh" && verb == "exit":
		code, _ := strconv.Atoi(rest)
		r.do(t, b, code, false)
	case b.lang == "sh" && (verb == "" || verb == "dry-run"):
		r.do(t, b, 0, verb == "dry-run")
	default:
		t.Errorf("%s: there is no test for a block of %q with the comment %q; see the comment of block", b, b.lang, b.mark)
	}
}

func (r *reader) write(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(r.dir, path.Clean("/"+name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// await runs a script, and one that only gets something until it has what ok wants: what
// controllers make takes a moment.
func (r *reader) await(t *testing.T, ok func(out string, code int) bool, dry bool) (string, int) {
	t.Helper()
	bound := 2 * time.Minute
	if *update {
		bound = 5 * time.Second
	}
	for end := time.Now().Add(bound); ; time.Sleep(time.Second) {
		out, code := r.run(t, r.script, dry)
		r.printed = out
		if out != "" && !strings.HasSuffix(out, "\n") {
			r.printed += "\n"
		}
		if ok(out, code) || !strings.HasPrefix(r.script, "kubectl get ") || time.Now().After(end) {
			return out, code
		}
	}
}

func (r *reader) do(t *testing.T, b block, want int, dry bool) {
	t.Helper()
	r.script = b.text
	out, code := r.await(t, func(_ string, code int) bool { return code == want }, dry)
	if code != want {
		t.Errorf("%s: exit code %d, want %d\n%s\n%s", b, code, want, b.text, out)
	}
}

var elision = regexp.MustCompile(`(?m)^…\n|…`)

// compare compares what was printed with the page, in which a line … stands for any lines and
// … in a line for any text.
func (r *reader) compare(t *testing.T, b block) {
	t.Helper()
	pattern, rest := "", b.text
	for loc := elision.FindStringIndex(rest); loc != nil; loc = elision.FindStringIndex(rest) {
		anything := `[^\n]*`
		if strings.HasSuffix(rest[loc[0]:loc[1]], "\n") {
			anything = `(?:[^\n]*\n)*`
		}
		pattern += regexp.QuoteMeta(rest[:loc[0]]) + anything
		rest = rest[loc[1]:]
	}
	whole := regexp.MustCompile(`\A` + pattern + regexp.QuoteMeta(rest) + `\z`)
	if whole.MatchString(r.printed) {
		return
	}
	if strings.HasPrefix(r.script, "kubectl get ") {
		if r.await(t, func(string, int) bool { return whole.MatchString(r.printed) }, false); whole.MatchString(r.printed) {
			return
		}
	}
	if *update && pattern == "" {
		rewrite(t, b, r.printed)
		return
	}
	t.Errorf("%s: this is not what the commands before it print; look at the difference, and run this test with -update unless the block has … (-page +printed):\n%s", b, cmp.Diff(b.text, r.printed))
}

// manifest applies objects, or checks what is less than that with the tool that reads it.
func (r *reader) manifest(t *testing.T, b block, verb string) {
	t.Helper()
	check := "kubectl apply --dry-run=server -f block.yaml"
	text := b.text
	switch verb {
	case "", "file":
	case "option":
		if err := isOption(text); err != nil {
			t.Errorf("%s: %v", b, err)
		}
		return
	case "values":
		check = "helm template pillion charts/pillion -f block.yaml >/dev/null"
	case "policy":
		text = "apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: block}\nspec:\n" + indented(text, "  ")
	case "annotations":
		text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: block\n  annotations:\n" + indented(text, "    ") +
			"spec: {containers: [{name: app, image: app, command: [app]}, {name: web, image: web, command: [web]}]}\n"
	default:
		t.Errorf("%s: there is no test for yaml with the comment %q; see the comment of block", b, b.mark)
		return
	}
	if regexp.MustCompile(`(?m)^apiVersion: pillion\.dev/`).MatchString(text) {
		check = "kubectl pillion policy lint block.yaml"
		if dir := path.Dir(b.title); dir != "." && b.title != "" { // policies know the helpers beside them
			check = "kubectl pillion policy lint " + dir
		}
	}
	if regexp.MustCompile(`(?m)^kind: PolicyTest$`).MatchString(text) {
		check = "true" // a command of the page runs it
	}
	r.write(t, "block.yaml", text)
	out, code := r.run(t, check, false)
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "Warning: ") && !strings.HasPrefix(line, "Warning: pillion:   ") && !strings.Contains(line, ": each pod gets ") {
			code = 1
		}
	}
	if code != 0 {
		t.Errorf("%s: %s\n%s\n%s", b, check, text, out)
	}
}

// isOption says why a line is no annotation with a value that its option takes.
func isOption(text string) error {
	annotation := map[string]string{}
	if err := yaml.Unmarshal([]byte(text), &annotation); err != nil {
		return err
	}
	for key, value := range annotation {
		name, option, _ := strings.Cut(key, "."+helper.Domain+"/")
		for _, h := range helpers.Builtin().All() {
			for i := range h.Options {
				if h.Name == name && h.Options[i].Name == option {
					_, err := h.Options[i].Parse(value)
					return err
				}
			}
		}
	}
	return fmt.Errorf("no helper has such an option: %s", text)
}

func indented(text, by string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(by + line)
	}
	return out.String()
}

var head = regexp.MustCompile(`\A(#[^\n]*\n)+`)

// example wants a block to be a file of the repository.
func (r *reader) example(t *testing.T, b block, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), file))
	if err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	want := head.ReplaceAllString(string(text), "")
	if want == b.text {
		return want
	}
	if *update {
		rewrite(t, b, want)
		return want
	}
	t.Errorf("%s: it is not %s; run this test with -update (-file +page):\n%s", b, file, cmp.Diff(want, b.text))
	return want
}

// rewrite puts another text into a block.
func rewrite(t *testing.T, b block, text string) {
	t.Helper()
	file := filepath.Join(root(t), b.page)
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// Blocks above it may have grown since the page was read, so it is found by its text.
	fence := "```" + b.lang
	if b.title != "" {
		fence += fmt.Sprintf(" title=%q", b.title)
	}
	whole := func(text string) string {
		return b.indent + fence + "\n" + indented(text, b.indent) + b.indent + "```\n"
	}
	mark := "<!-- test: " + b.mark + " -->\n\n"
	if strings.Count(string(page), mark+whole(b.text)) == 0 {
		t.Fatalf("%s: to be updated, a block stands behind its comment and an empty line", b)
	}
	changed := strings.Replace(string(page), mark+whole(b.text), mark+whole(text), 1)
	if err := os.WriteFile(file, []byte(changed), 0o644); err != nil { //nolint:gosec // a page of the repository
		t.Fatal(err)
	}
}

// parse lets kubectl, its plugin and Helm parse commands that cannot be run: with --help they
// print it, unless there is no such command or flag.
func (r *reader) parse(t *testing.T, b block) {
	t.Helper()
	if b.lang != "sh" {
		return
	}
	for _, command := range commands(b.text) {
		if out, code := r.run(t, command+" --help </dev/null", false); code != 0 {
			t.Errorf("%s: %s\n%s", b, command, out)
		}
	}
}

// In prose, too, there is no command or flag that kubectl, its plugin or Helm do not have.
func TestCommandsInProseHaveFlagsThatThereAre(t *testing.T) {
	t.Parallel()
	names, err := pages(root(t))
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(t, "prose")
	known := map[string]bool{}
	reference := "docs/reference/kubectl-pillion.md"
	for _, b := range pageBlocks(t, reference) { // its examples name files of the reader's
		r.parse(t, b)
	}
	for _, page := range append(names, reference, "README.md", "charts/pillion/README.md") {
		text, err := os.ReadFile(filepath.Join(root(t), page))
		if err != nil {
			t.Fatal(err)
		}
		for _, span := range codeSpan.FindAllString(fenced.ReplaceAllString(string(text), ""), -1) {
			for _, command := range commands(strings.Trim(span, "`")) {
				if known[command] || strings.Contains(command, "…") {
					continue
				}
				known[command] = true
				if out, code := r.run(t, command+" --help </dev/null", false); code != 0 {
					t.Errorf("%s: %s\n%s", page, command, out)
				}
			}
		}
	}
	if len(known) < 20 {
		t.Errorf("there are %d commands", len(known))
	}
}

// krew is a plugin that is not here.
var simple = regexp.MustCompile(`^(kubectl (?:[^k]|k[^r])|helm )[^|;&<>$` + "`" + `(]+`)

// commands are those of kubectl and Helm that begin a line, up to what only a shell reads.
func commands(script string) []string {
	var found []string
	for line := range strings.Lines(strings.ReplaceAll(script, "\\\n", " ")) {
		if m := simple.FindString(strings.TrimSpace(line)); m != "" {
			command := strings.TrimSpace(strings.SplitN(strings.SplitN(m, " #", 2)[0], " -- ", 2)[0])
			if words := strings.Fields(command); strings.HasPrefix(words[len(words)-1], "-") {
				command += " VALUE" // a flag that is named without one
			}
			found = append(found, command)
		}
	}
	return found
}
