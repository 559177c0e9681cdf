// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// treeOf makes the entries of a tree, and returns its links by path.
func treeOf(content files) ([]*entry, map[string]*entry) {
	root := &entry{kind: directory}
	byPath := map[string]*entry{".": root}
	var directoryOf func(string) *entry
	directoryOf = func(dir string) *entry {
		if e := byPath[dir]; e != nil {
			return e
		}
		parent := directoryOf(path.Dir(dir))
		e := &entry{name: path.Base(dir), kind: directory, parent: parent}
		parent.children = append(parent.children, e)
		byPath[dir] = e
		return e
	}
	var links []*entry
	for name, value := range content {
		parent := directoryOf(path.Dir(name))
		e := &entry{name: path.Base(name), kind: file, parent: parent}
		if target, found := strings.CutPrefix(value, isLink); found {
			e.kind, e.target = link, target
			links = append(links, e)
		}
		parent.children = append(parent.children, e)
		byPath[name] = e
	}
	for _, e := range byPath {
		slices.SortFunc(e.children, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	}
	slices.SortFunc(links, func(a, b *entry) int { return strings.Compare(a.path(), b.path()) })
	return links, byPath
}

func TestLinksMayNotLeadOutOfTheTree(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tree files
		want string // the link that leads outside, or none
	}{
		"to a file beside it":                    {files{"a": "x", "l": isLink + "a"}, ""},
		"to a file above, inside":                {files{"a": "x", "d/e/l": isLink + "../../a"}, ""},
		"to the root":                            {files{"d/l": isLink + "..", "m": isLink + "."}, ""},
		"to nothing":                             {files{"l": isLink + "gone/../gone"}, ""},
		"to itself":                              {files{"l": isLink + "l"}, ""},
		"to each other":                          {files{"l": isLink + "m", "m": isLink + "l/x"}, ""},
		"through a file":                         {files{"a": "x", "l": isLink + "a/x/.."}, ""},
		"with slashes to spare":                  {files{"d/a": "x", "l": isLink + ".//d///a/"}, ""},
		"to the root of the machine":             {files{"l": isLink + "/"}, "l"},
		"to where the tree will be":              {files{"l": isLink + "/usr/share/nginx/html/a"}, "l"},
		"above":                                  {files{"l": isLink + ".."}, "l"},
		"above and back":                         {files{"a": "x", "l": isLink + "../tree/a"}, "l"},
		"above from below":                       {files{"d/e/l": isLink + "../../../x"}, "d/e/l"},
		"above through nothing":                  {files{"l": isLink + "gone/../../x"}, "l"},
		"above through a file":                   {files{"a": "x", "l": isLink + "a/../.."}, "l"},
		"through a link to the root":             {files{"d/root": isLink + "..", "l": isLink + "d/root/a"}, ""},
		"above through a link":                   {files{"d/root": isLink + "..", "l": isLink + "d/root/.."}, "l"},
		"above through a link that lowers":       {files{"deep": isLink + "a/b/c", "a/b/c/x": "x", "l": isLink + "deep/../../../.."}, "l"},
		"inside through a link that lowers":      {files{"deep": isLink + "a/b/c", "a/b/c/x": "x", "l": isLink + "deep/../../.."}, ""},
		"above through a link to nothing":        {files{"gone": isLink + "a/b", "l": isLink + "gone/../../.."}, "l"},
		"inside through a link to nothing":       {files{"gone": isLink + "a/b", "l": isLink + "gone/../.."}, ""},
		"through a link that is bad itself":      {files{"bad": isLink + "/etc", "l": isLink + "bad/passwd"}, "bad"},
		"above through a loop, which never ends": {files{"loop": isLink + "loop", "l": isLink + "loop/../../.."}, ""},
		"above in three steps":                   {files{"a/up": isLink + "..", "b/up": isLink + "../a/up", "c": isLink + "b/up/.."}, "c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			links, byPath := treeOf(c.tree)
			var want *Error
			if c.want != "" {
				want = &Error{Reason: Refused, Message: fmt.Sprintf("the commit's link %q, with the target %q, leads out of the published directory", c.want, byPath[c.want].target)}
			}
			if diff := cmp.Diff(want, asError(checkLinks(links))); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// chain is a tree with n links in a row, the last of which leads to a file.
func chain(n int) files {
	tree := files{"end": "x"}
	for i := range n {
		target := fmt.Sprintf("l%04d", i+1)
		if i == n-1 {
			target = "end"
		}
		tree[fmt.Sprintf("l%04d", i)] = isLink + target
	}
	return tree
}

func TestAChainOfLinksHasAnEnd(t *testing.T) {
	t.Parallel()
	const refused = `the commit's link "l0000" leads to a link, and that to another, more than 40 times, which no system follows`
	for n, want := range map[int]string{1: "", 40: "", 41: refused, 5000: ""} {
		links, _ := treeOf(chain(n))
		if n == 5000 { // whichever is looked at first
			slices.Reverse(links)
			want = strings.Replace(refused, "l0000", "l4959", 1)
		}
		got := ""
		if err := checkLinks(links); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("of %d links: got %q, want %q", n, got, want)
		}
	}
}

// linkTree is a tree with links whose targets are made of the bytes of a fuzzer.
func linkTree(data []byte) files {
	names := []string{"l1", "a/l2", "a/b/l3", "c/l4", "l5", "a/l6"}
	words := []string{"", "a", "b", "c", "f", "gone", "..", "..", "..", ".", "l1", "l2", "l3", "l4", "l5", "l6"}
	tree := files{"a/b/f": "x", "c/f": "x", "f": "x"}
	var target []string
	for _, b := range data {
		if len(names) == 0 {
			break
		}
		if word := words[int(b)%len(words)]; word != "" && len(target) < 20 {
			target = append(target, word)
			continue
		}
		if len(target) > 0 {
			tree[names[0]] = isLink + strings.Join(target, "/")
		}
		names, target = names[1:], nil
	}
	return tree
}

// The oracle is a real file system: what os.Root refuses to follow because it leads
// outside, we refuse; what it follows, we take.
func FuzzLinks(f *testing.F) {
	f.Add([]byte{1, 0, 6, 0, 6, 6, 6, 0, 12, 6, 0, 5, 6, 6, 0, 10})
	f.Add([]byte{11, 6, 0, 13, 0, 14, 6, 0, 15, 0, 10, 6, 6, 0, 2, 4, 6})
	f.Add([]byte{14, 0, 10, 0, 6, 6, 11, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		tree := linkTree(data)
		dir := filepath.Join(t.TempDir(), "tree")
		for name, content := range tree {
			file := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			var err error
			if target, found := strings.CutPrefix(content, isLink); found {
				err = os.Symlink(target, file)
			} else {
				err = os.WriteFile(file, nil, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		_, byPath := treeOf(tree)
		r := resolver{done: map[*entry]place{}}
		for name, content := range tree {
			if !strings.HasPrefix(content, isLink) {
				continue
			}
			got := r.resolve(byPath[name], 1)
			_, err := root.Stat(name)
			escapes := err != nil && strings.Contains(err.Error(), "path escapes from parent")
			switch {
			case escapes && !got.outside:
				t.Errorf("%q in %q: os.Root says %v, we say %+v", name, tree, err, got)
			case err == nil && (got.outside || got.nowhere || got.below > 0):
				t.Errorf("%q in %q: os.Root follows it, we say %+v", name, tree, got)
			}
			if err == nil {
				sameFile(t, root, name, got.entry.path())
			}
		}
	})
}

// sameFile checks that a link leads where we say.
func sameFile(t *testing.T, root *os.Root, link, path string) {
	t.Helper()
	a, _ := root.Stat(link)
	b, err := root.Lstat(filepath.Clean(path))
	if err != nil || !os.SameFile(a, b) {
		t.Errorf("%q leads elsewhere than to %q (%v)", link, path, err)
	}
}
