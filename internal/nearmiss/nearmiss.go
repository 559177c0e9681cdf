// SPDX-License-Identifier: Apache-2.0

// Package nearmiss finds what a misspelt word was most likely meant to be.
package nearmiss

import "fmt"

// Nearest finds the candidate that text was most likely meant to be; "" if none is
// near enough to be worth saying.
func Nearest(text string, candidates []string) string {
	best, bestDistance := "", 1+min(len(text), Compared)/3
	for _, c := range candidates {
		if d := Distance(text, c); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// DidYouMean is the end of an error message; empty when there is nothing to suggest.
func DidYouMean(suggestion string) string {
	if suggestion == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", suggestion)
}

// Compared is how many bytes of a string are compared, so that a hostile key costs no more
// than an honest one.
const Compared = 64

// Distance is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours count one each.
func Distance(a, b string) int {
	a, b = a[:min(len(a), Compared)], b[:min(len(b), Compared)]
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}
