// SPDX-License-Identifier: Apache-2.0

package words

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// skipped are directories and files that are not the project's sentences of today.
var skipped = map[string]string{
	".git":                "history",
	"bin":                 "built",
	"node_modules":        "of others",
	"CHANGELOG.md":        "history",
	"go.sum":              "hashes",
	"test/words":          "the phrases themselves",
	"test/chart/previous": "a released version",
}

// The phrases are nowhere in the repository.
func TestNoFileUsesAPhraseThatWasReplaced(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if skipped[name] != "" || skipped[d.Name()] != "" {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.IndexByte(content, 0) >= 0 {
			return nil // no text
		}
		files++
		for _, p := range check(string(content)) {
			t.Errorf("%s:%d: %q; write instead: %s", name, p.line, p.phrase, p.instead)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Errorf("only %d files were read", files)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, line, phrase string }{
		{"a pod that is refused", "then the pod is refused", "pod is refused"},
		{"a pod that is denied", "then the pod is denied", ""},
		{"a webhook that refuses pods", "it refuses pods without a helper", "refuses pods"},
		{"a refused connection", "dial tcp 127.0.0.1:1: connect: connection refused", ""},
		{"a server that refuses", "the server refuses the key", ""},
		{"white space", "no white space at the end", "white space"},
		{"whitespace", "no whitespace at the end", ""},
		{"a text for a string", "spec.image: expected a text, got a number", "expected a text"},
		{"a long text", "a text of 120 characters", ""},
		{"a list of one value", `allowed is "main"`, `allowed is "`},
		{"what is allowed", "the value that is not allowed is used", ""},
		{"anew", "make it anew", "anew"},
		{"a word that ends so", "the smallest, a sinew", ""},
		{"a log key in snake case", `log.Warn("poll failed", "retry_in", wait)`, `.Warn("poll failed", "retry_i`},
		{"a log key in camel case", `log.Warn("poll failed", "retryIn", wait)`, ""},
		{"an article", "an umask of 0002", "an umask"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, p := range check("first line\n" + c.line) {
				if p.line != 2 {
					t.Errorf("line %d, want 2", p.line)
				}
				got = append(got, p.phrase)
			}
			var want []string
			if c.phrase != "" {
				want = []string{c.phrase}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", strings.Join(got, ", "), c.phrase)
			}
		})
	}
}
