// SPDX-License-Identifier: Apache-2.0

package nearmiss

import (
	"strings"
	"testing"
)

// distance is the textbook's recursive definition of the optimal string alignment distance.
func distance(a, b string) int {
	if a == "" || b == "" {
		return len(a) + len(b)
	}
	i, j := len(a)-1, len(b)-1
	cost := 1
	if a[i] == b[j] {
		cost = 0
	}
	best := min(distance(a[:i], b)+1, distance(a, b[:j])+1, distance(a[:i], b[:j])+cost)
	if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
		best = min(best, distance(a[:i-1], b[:j-1])+1)
	}
	return best
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

func TestTheEditDistanceIsThatOfTheTextbook(t *testing.T) {
	t.Parallel()
	list := words("abc", 4)
	for _, a := range list {
		for _, b := range list {
			if got, want := Distance(a, b), distance(a, b); got != want {
				t.Fatalf("from %q to %q it is %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestTheEditDistanceLooksAtTheFirst64BytesOnly(t *testing.T) {
	t.Parallel()
	a := strings.Repeat("a", 64)
	if got := Distance(a+strings.Repeat("b", 1<<20), a+strings.Repeat("c", 1<<20)); got != 0 {
		t.Errorf("got %d", got)
	}
}

func TestTheNearestWordIsSuggestedIfItIsNearEnough(t *testing.T) {
	t.Parallel()
	candidates := []string{"web", "api", "worker", "queue-consumer"}
	for _, tt := range []struct{ name, text, want string }{
		{"the word itself", "web", "web"},
		{"a letter too many", "webb", "web"},
		{"two letters swapped", "wbe", "web"},
		{"a long word with several mistakes", "queue_consmer", "queue-consumer"},
		{"a word that has nothing of any", "nginx", ""},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Nearest(tt.text, candidates); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if got := Nearest("web", nil); got != "" {
		t.Errorf("from no candidates %q is suggested", got)
	}
}

func TestOfEquallyNearWordsTheFirstIsSuggested(t *testing.T) {
	t.Parallel()
	if got := Nearest("wab", []string{"wib", "web"}); got != "wib" {
		t.Errorf("got %q", got)
	}
}
