// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A block is a fenced block of a page. A comment before it says what a test does with it:
//
//	<!-- test: file PATH -->      yaml: the block is that file, without the comment at its head
//	<!-- test: values -->         yaml: values of the chart
//	<!-- test: annotations -->    yaml: annotations of a pod
//	<!-- test: policy -->         yaml: the spec of a policy
//	<!-- test: input -->          yaml: a file of another tool, which a command of the page reads
//	<!-- test: option -->         yaml: one option of a built-in helper
//	<!-- test: exit N -->         sh: it ends with this code, not with 0
//	<!-- test: dry-run -->        sh: what kubectl would change it changes as a dry run
//	<!-- test: output -->         text: what the sh block before it prints, but for what … stands for
//	<!-- test: e2e TestX -->      sh: it needs a real node, where this test of test/e2e does the same
//	<!-- test: needs WHAT -->     it is not run, for want of this; see needs
//
// Without a comment a yaml block is applied to the API server as a dry run and a sh block is
// run by bash. Blocks of other languages are not run: see quiet.
type block struct {
	page         string // relative to the repository
	line         int    // of the fence, from 1
	lang, title  string
	mark         string
	text, indent string
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// quiet are the languages that show something instead of saying what to do.
var quiet = []string{"", "text", "diff", "console", "promql"}

var (
	fencePattern = regexp.MustCompile("^( *)```([a-z]*)(?: +title=\"([^\"]+)\")?$")
	markPattern  = regexp.MustCompile(`^ *<!-- test: (.+) -->$`)
)

// blocks takes a page apart.
func blocks(page, text string) ([]block, error) {
	var found []block
	var open *block
	mark := ""
	n := 0
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		n++
		if open != nil {
			if strings.TrimSpace(line) == "```" {
				found = append(found, *open)
				open = nil
				continue
			}
			open.text += strings.TrimPrefix(line, open.indent) + "\n"
			continue
		}
		if m := markPattern.FindStringSubmatch(line); m != nil {
			if mark != "" {
				return nil, fmt.Errorf("%s:%d: the comment before it, %q, has no block", page, n, mark)
			}
			mark = m[1]
			continue
		}
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			m := fencePattern.FindStringSubmatch(line)
			if m == nil {
				return nil, fmt.Errorf("%s:%d: a fence is ```LANGUAGE or ```LANGUAGE title=\"FILE\"; this is %q", page, n, line)
			}
			open = &block{page: page, line: n, indent: m[1], lang: m[2], title: m[3], mark: mark}
			mark = ""
			continue
		}
		if strings.TrimSpace(line) != "" && mark != "" {
			return nil, fmt.Errorf("%s:%d: the comment before it, %q, has no block", page, n, mark)
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%s:%d: the block has no end", page, open.line)
	}
	if mark != "" {
		return nil, fmt.Errorf("%s:%d: the last comment, %q, has no block", page, n, mark)
	}
	return found, nil
}

// pages are the pages of the site that tell a reader to do something. Design pages record
// decisions, and the figures of performance.md and reliability.md are made by their own tests.
func pages(root string) ([]string, error) {
	var all []string
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		page, _ := filepath.Rel(root, path)
		switch {
		case page == "docs/design":
			return fs.SkipDir
		case page == "docs/performance.md", page == "docs/reliability.md", page == "docs/reference/kubectl-pillion.md":
		case filepath.Ext(page) == ".md":
			all = append(all, filepath.ToSlash(page))
		}
		return nil
	})
	return all, err
}

func TestBlocksAreTakenFromAPage(t *testing.T) {
	t.Parallel()
	fence := "```"
	for name, test := range map[string]struct {
		page string
		want []block
		err  string
	}{
		"text alone has none":     {page: "# A page\n\nWords.\n"},
		"a language and its text": {page: "a\n\n" + fence + "sh\nls\n" + fence + "\n", want: []block{{page: "p", line: 3, lang: "sh", text: "ls\n"}}},
		"a title names a file":    {page: fence + "yaml title=\"a.yaml\"\nx: 1\n" + fence + "\n", want: []block{{page: "p", line: 1, lang: "yaml", title: "a.yaml", text: "x: 1\n"}}},
		"a comment stands before its block": {
			page: "<!-- test: exit 1 -->\n\n" + fence + "sh\nfalse\n" + fence + "\n", want: []block{{page: "p", line: 3, lang: "sh", mark: "exit 1", text: "false\n"}},
		},
		"a block of a list":                     {page: "* a\n\n  " + fence + "sh\n  ls\n  " + fence + "\n", want: []block{{page: "p", line: 3, lang: "sh", text: "ls\n", indent: "  "}}},
		"a comment without a block is an error": {page: "<!-- test: exit 1 -->\nwords\n", err: `p:2: the comment before it, "exit 1", has no block`},
		"a block without an end is an error":    {page: "\n" + fence + "sh\n", err: "p:2: the block has no end"},
		"what a fence cannot say is an error":   {page: fence + "yaml linenums=1\n" + fence + "\n", err: `p:1: a fence is ` + fence + `LANGUAGE or ` + fence + `LANGUAGE title="FILE"; this is "` + fence + `yaml linenums=1"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := blocks("p", test.page)
			if text := fmt.Sprint(err); (err != nil || test.err != "") && text != test.err {
				t.Fatalf("the error is %q, want %q", text, test.err)
			}
			if d := cmp.Diff(test.want, got, cmp.AllowUnexported(block{})); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestLinksAndAnchorsThatLeadNowhereAreFound(t *testing.T) {
	t.Parallel()
	for link, want := range map[string]string{
		"release.md":                      "",
		"release.md#versions-and-support": "",
		"../README.md":                    "",
		"reference":                       "",
		"https://example.com/gone":        "",
		"gone.md":                         "gone.md: there is no docs/gone.md",
		"faq.md#gone":                     "faq.md#gone: docs/faq.md has no heading #gone; it has faq, ",
	} {
		err := leads(root(t), "docs/index.md", link)
		if got := fmt.Sprint(err); (want == "") != (err == nil) || err != nil && !strings.HasPrefix(got, want) {
			t.Errorf("%s: the error is %q, want %q", link, got, want)
		}
	}
	page := "# A page\n## `a.b/c`: Über_all, twice\n## Same\n```sh\n# no heading\n```\n## [Same](x.md)\n"
	if d := cmp.Diff([]string{"a-page", "abc-über_all-twice", "same", "same-1"}, anchors(page)); d != "" {
		t.Errorf("anchors (-want +got):\n%s", d)
	}
}

func TestCommandsOfAScriptAreTakenUpToWhatAShellReads(t *testing.T) {
	t.Parallel()
	script := "kubectl get pods -A | grep x\nhelm install a b \\\n  --wait   # waits\ngit push\nkubectl exec web -- ls -l\nkubectl krew list\nkubectl apply -f\n"
	want := []string{"kubectl get pods -A VALUE", "helm install a b    --wait VALUE", "kubectl exec web", "kubectl apply -f VALUE"}
	if d := cmp.Diff(want, commands(script)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// needs are the reasons for which a block is not run, and how many blocks have each. A block
// that a test could run is to be run: raise a number only where none can.
var needs = map[string]int{
	"a kubelet":           7, // some minutes of a real node, for what no test there does
	"a control plane":     1, // files of the machine on which kube-apiserver runs
	"a registry":          1,
	"a release":           4, // signed files that are published; make test-release signs and verifies
	"the network":         3,
	"CRDs of others":      2,
	"kind":                5,
	"files of the reader": 3,
}

// Whoever adds a block that is not run has to say so here too.
func TestEveryBlockThatIsNotRunSaysWhyAndIsCounted(t *testing.T) {
	t.Parallel()
	got := map[string]int{}
	for reason := range needs {
		got[reason] = 0
	}
	e2e := e2eTests(t)
	for _, b := range allBlocks(t) {
		verb, rest, _ := strings.Cut(b.mark, " ")
		switch verb {
		case "needs":
			got[rest]++
		case "e2e":
			if !slices.Contains(e2e, rest) {
				t.Errorf("%s: test/e2e has no %s", b, rest)
			}
		}
	}
	if d := cmp.Diff(needs, got); d != "" {
		t.Errorf("blocks that are not run, by what they need (-counted in needs +in the pages):\n%s", d)
	}
}

func e2eTests(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), "test", "e2e", "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			names = append(names, m[1])
		}
	}
	return names
}

// root is the directory of the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func allBlocks(t *testing.T) []block {
	t.Helper()
	names, err := pages(root(t))
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	for _, page := range names {
		all = append(all, pageBlocks(t, page)...)
	}
	return all
}

func pageBlocks(t *testing.T, page string) []block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), page))
	if err != nil {
		t.Fatal(err)
	}
	found, err := blocks(page, string(text))
	if err != nil {
		t.Fatal(err)
	}
	return found
}
