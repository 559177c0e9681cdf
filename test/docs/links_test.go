// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

var (
	inlineLink = regexp.MustCompile(`\]\(([^)\s]+)(?: "[^"]*")?\)`)
	codeSpan   = regexp.MustCompile("`[^`\n]*`")
	fenced     = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	heading    = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *#*$`)
	mdLink     = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	noAnchor   = regexp.MustCompile(`[^\p{L}\p{N}\s_-]`)
)

// A relative link of a page leads to a file of the repository, and what stands behind # is one
// of its headings, as GitHub names them.
func TestEveryRelativeLinkOfTheRepositoryLeadsSomewhere(t *testing.T) {
	t.Parallel()
	list, err := exec.CommandContext(t.Context(), "git", "-C", root(t), "ls-files", "--cached", "--others", "--exclude-standard", "*.md").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Fields(string(list))
	if len(files) < 50 {
		t.Fatalf("git lists %d pages", len(files))
	}
	for _, file := range files {
		if file == "hack/docs/chart.md" { // the beginning of charts/pillion/README.md
			continue
		}
		text, err := os.ReadFile(filepath.Join(root(t), file))
		if err != nil {
			t.Fatal(err)
		}
		prose := codeSpan.ReplaceAllString(fenced.ReplaceAllString(string(text), ""), "")
		for _, m := range inlineLink.FindAllStringSubmatch(prose, -1) {
			if err := leads(root(t), file, m[1]); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

// leads says why a link of a file leads nowhere.
func leads(root, file, link string) error {
	u, err := url.Parse(link)
	if err != nil {
		return err
	}
	if u.Scheme != "" || u.Host != "" {
		return nil
	}
	target := file
	if u.Path != "" {
		target = path.Join(path.Dir(file), u.Path)
	}
	info, err := os.Stat(filepath.Join(root, target))
	if err != nil {
		return fmt.Errorf("%s: there is no %s", link, target)
	}
	if u.Fragment == "" || info.IsDir() || path.Ext(target) != ".md" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(root, target))
	if err != nil {
		return err
	}
	if all := anchors(string(text)); !slices.Contains(all, u.Fragment) {
		return fmt.Errorf("%s: %s has no heading #%s; it has %s", link, target, u.Fragment, strings.Join(all, ", "))
	}
	return nil
}

// anchors are GitHub's names of the headings of a page.
func anchors(page string) []string {
	var all []string
	seen := map[string]int{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		name := noAnchor.ReplaceAllString(strings.ToLower(mdLink.ReplaceAllString(m[1], "$1")), "")
		name = strings.ReplaceAll(name, " ", "-")
		if n := seen[name]; n > 0 {
			all = append(all, fmt.Sprintf("%s-%d", name, n))
		} else {
			all = append(all, name)
		}
		seen[name]++
	}
	return all
}

// A schema has one address, which the site serves, or is a file of the repository.
func TestEveryNamedSchemaIsOneThatTheSiteServes(t *testing.T) {
	t.Parallel()
	const served = "https://pillion-dev.github.io/pillion/schema/"
	out, err := exec.CommandContext(t.Context(), "git", "-C", root(t), "grep", "-hoE", `yaml-language-server: \$schema=[^ ]+`, "--", ":!test/docs").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		_, address, _ := strings.Cut(strings.TrimSpace(line), "=")
		file := strings.Replace(address, served, "docs/reference/", 1)
		if _, err := os.Stat(filepath.Join(root(t), file)); err != nil {
			t.Errorf("%s: the site has no such schema", address)
		}
	}
}

// The site is built strictly; each of its links leads to a page and an anchor of it, and it
// loads nothing from elsewhere.
func TestTheSiteIsBuiltAndItsLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("mkdocs"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI builds the site; install mkdocs-material")
		}
		t.Skip("there is no mkdocs, so the site is not built; Debian's package mkdocs-material has it")
	}
	site := t.TempDir()
	build := exec.CommandContext(t.Context(), "make", "-C", root(t), "docs", "SITE="+site)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make docs: %v\n%s", err, out)
	}
	pages := readSite(t, site)
	if len(pages) < 50 {
		t.Fatalf("the site has %d pages", len(pages))
	}
	for name, p := range pages {
		for _, link := range p.links {
			if err := follows(site, pages, name, link); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if p.asksGitHub {
			t.Errorf("%s has the theme's component that asks api.github.com about the repository; the site is to work offline", name)
		}
		for _, asset := range p.loaded {
			if u, err := url.Parse(asset); err != nil || u.Host != "" {
				t.Errorf("%s loads %s; the site is to work offline", name, asset)
			}
		}
	}
	for _, schema := range []string{"policy", "helper"} {
		if _, err := os.Stat(filepath.Join(site, "schema", schema+".schema.json")); err != nil {
			t.Error(err)
		}
	}
}

// sitePage is what a page of the site has: the names that a link can lead to, its links, and
// what a browser loads for it.
type sitePage struct {
	ids           []string
	links, loaded []string
	asksGitHub    bool
}

func readSite(t *testing.T, site string) map[string]sitePage {
	t.Helper()
	pages := map[string]sitePage{}
	err := filepath.WalkDir(site, func(file string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".html" || filepath.Base(file) == "404.html" { // which is served for any path
			return err
		}
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		tree, err := html.Parse(f)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(site, file)
		pages[filepath.ToSlash(name)] = readPage(tree)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

func readPage(tree *html.Node) sitePage {
	var p sitePage
	for n := range tree.Descendants() {
		for _, a := range n.Attr {
			switch {
			case a.Key == "id", a.Key == "name" && n.Data == "a":
				p.ids = append(p.ids, a.Val)
			case a.Key == "href" && n.Data == "a":
				p.links = append(p.links, a.Val)
			case a.Key == "data-md-component" && a.Val == "source":
				p.asksGitHub = true
			case a.Key == "src", a.Key == "href" && n.Data == "link" && !canonical(n):
				p.loaded = append(p.loaded, a.Val)
			}
		}
	}
	return p
}

// canonical are links to other addresses of pages, which nobody loads.
func canonical(n *html.Node) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool {
		return a.Key == "rel" && slices.Contains([]string{"canonical", "prev", "next", "alternate"}, a.Val)
	})
}

// follows says why a link of a page of the site leads nowhere.
func follows(site string, pages map[string]sitePage, name, link string) error {
	u, err := url.Parse(link)
	if err != nil {
		return err
	}
	if u.Scheme != "" || u.Host != "" {
		if file, inside := strings.CutPrefix(link, "https://github.com/pillion-dev/pillion/blob/main/"); inside {
			return leads("../..", "README.md", file)
		}
		return nil
	}
	target := name
	if u.Path != "" {
		target = path.Join(path.Dir(name), u.Path)
	}
	p, isPage := pages[target]
	if _, err := os.Stat(filepath.Join(site, target)); err != nil {
		return fmt.Errorf("%s: the site has no %s", link, target)
	}
	if isPage && u.Fragment != "" && !slices.Contains(p.ids, u.Fragment) {
		return fmt.Errorf("%s: %s has no #%s", link, target, u.Fragment)
	}
	return nil
}
