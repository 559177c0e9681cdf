// SPDX-License-Identifier: Apache-2.0

package option

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// covers is what glob is meant to be, as a table: cell [i][j] says whether the first i
// bytes of the pattern cover the first j bytes of the text.
func covers(pattern, text string) bool {
	table := make([][]bool, len(pattern)+1)
	for i := range table {
		table[i] = make([]bool, len(text)+1)
		for j := range table[i] {
			switch {
			case i == 0:
				table[i][j] = j == 0
			case pattern[i-1] == '*':
				table[i][j] = table[i-1][j] || j > 0 && table[i][j-1]
			default:
				table[i][j] = j > 0 && pattern[i-1] == text[j-1] && table[i-1][j-1]
			}
		}
	}
	return table[len(pattern)][len(text)]
}

// words are all words of an alphabet up to a length, the empty one first.
func words(alphabet string, longest int) []string {
	all := []string{""}
	for from, n := 0, 0; n < longest; n++ {
		to := len(all)
		for _, word := range all[from:to] {
			for _, letter := range alphabet {
				all = append(all, word+string(letter))
			}
		}
		from = to
	}
	return all
}

func TestAGlobCoversWhatTheReferenceSays(t *testing.T) {
	t.Parallel()
	patterns, texts := words("ab*", 6), words("ab", 6)
	for _, p := range patterns {
		for _, s := range texts {
			if got, want := glob(p, s), covers(p, s); got != want {
				t.Fatalf("%q covers %q: %t, want %t", p, s, got, want)
			}
		}
	}
}

func TestALongGlobCoversWhatTheReferenceSays(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	word := func(alphabet string) string {
		var out strings.Builder
		for range random.IntN(24) {
			out.WriteByte(alphabet[random.IntN(len(alphabet))])
		}
		return out.String()
	}
	covered := 0
	for range 20_000 {
		p, s := word("aab.*"), word("aab.")
		got, want := glob(p, s), covers(p, s)
		if got != want {
			t.Fatalf("%q covers %q: %t, want %t", p, s, got, want)
		}
		if got {
			covered++
		}
	}
	if covered < 100 {
		t.Errorf("only %d of the random patterns cover anything: the test is weak", covered)
	}
}

func TestAGlobIsAnchoredAtBothEnds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, pattern, text string
		want                bool
	}{
		{"a literal covers itself", "main", "main", true},
		{"a literal does not cover more in front", "main", "xmain", false},
		{"a literal does not cover more behind", "main", "mainx", false},
		{"a literal covers no other case", "main", "Main", false},
		{"nothing covers nothing", "", "", true},
		{"nothing covers nothing else", "", "a", false},
		{"a star covers everything", "*", "a/b:c", true},
		{"a star covers nothing", "*", "", true},
		{"a star in front", "*-main", "release-main", true},
		{"a star in front does not cover more behind", "*-main", "release-main2", false},
		{"a star behind", "git-*", "git-site", true},
		{"a star behind covers nothing as well", "git-*", "git-", true},
		{"a star behind does not cover more in front", "git-*", "my-git-site", false},
		{"a star in the middle", "a*c", "abc", true},
		{"head and tail do not share a byte", "ab*ba", "aba", false},
		{"two middles do not share a byte", "*ab*ba*", "aba", false},
		{"a question mark is a question mark", "ma?n", "main", false},
		{"a bracket is a bracket", "ma[i]n", "main", false},
		{"a dot is a dot", "a.c", "abc", false},
		{"a backslash is a backslash", `\*`, "*", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := glob(tt.pattern, tt.text); got != tt.want {
				t.Errorf("%q covers %q: %t", tt.pattern, tt.text, got)
			}
		})
	}
}

func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{{"*", ""}, {"a*b*c", "abbc"}, {"**a", "aaa"}, {"ab*ba", "aba"}, {"é*", "é"}, {"\xff*\xfe", "\xff\xfe"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 256 || len(text) > 256 {
			t.Skip("the reference needs time and space for both lengths multiplied")
		}
		if got, want := glob(pattern, text), covers(pattern, text); got != want {
			t.Errorf("%q covers %q: %t, want %t", pattern, text, got, want)
		}
	})
}
