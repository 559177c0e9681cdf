// SPDX-License-Identifier: Apache-2.0

package gitref

import (
	"os/exec"
	"strings"
	"testing"
)

func TestWhatARefCanBe(t *testing.T) {
	t.Parallel()
	const short, long = "0123456789abcdef0123456789abcdef01234567", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for text, want := range map[string]string{
		"HEAD": "HEAD", "main": "main", "feature/x": "feature/x", "v1.2.3": "v1.2.3",
		"heads/main": "heads/main", "tags/v1.0": "tags/v1.0", "refs/heads/main": "refs/heads/main",
		"pull/1/head": "pull/1/head", "refs/pull/1/head": "refs/pull/1/head", "merge-requests/7/head": "merge-requests/7/head",
		"origin/main":  "origin/main", // what it may mean, the program says, when it has seen the repository
		"release-$(A)": "release-$(A)", "a@b": "a@b", "{": "{", "x.lockx": "x.lockx",
		short: short, strings.ToUpper(short): short, long: long, strings.ToUpper(long): long,
		short[:39]: short[:39], strings.ToUpper(short[:39]): strings.ToUpper(short[:39]), short + "0": short + "0",
		strings.Repeat("a", 255): strings.Repeat("a", 255),
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
}

// What is accepted, git accepts as the name of a ref; and what git does not, is refused.
func FuzzNamesAreGitsOwn(f *testing.F) {
	for _, text := range []string{
		"main", "heads/main", "a..b", "@", "@{1}", "a@{1}", "a b", "a~1", "a^", "a:b", "a?", "a*", "[a]", `a\b`, "a.", "a/", "/a", "a//b", ".a", "a/.b", "a.lock", "a.lock/b",
		"-a", "a\nb", "a\x7fb", "ä", "", "a/b.c/d", "refs/heads/x", "a@", "@a", "a/@/b", "a/@",
	} {
		f.Add(text)
	}
	git, err := exec.LookPath("git")
	if err != nil {
		f.Skip("there is no git to compare with")
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Parse(text)
		if IsHash(got) {
			return
		}
		if err == nil && got != text {
			t.Errorf("%q is %q", text, got)
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r == 0 || r > '~' }) || strings.HasPrefix(text, "-") || len(text) > maxLength || text == "" {
			if err == nil {
				t.Errorf("%q is accepted", text)
			}
			return
		}
		takes := exec.CommandContext(t.Context(), git, "check-ref-format", "--allow-onelevel", text).Run() == nil
		if takes != (err == nil) {
			t.Errorf("git takes %q: %t; here: %v", text, takes, err)
		}
	})
}
