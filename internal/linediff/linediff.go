// SPDX-License-Identifier: Apache-2.0

// Package linediff compares two texts line by line.
package linediff

import (
	"fmt"
	"slices"
	"strings"
)

// Op says which of the two texts has a line.
type Op byte

// The operations, as a unified diff writes them.
const (
	Same Op = ' '
	Del  Op = '-'
	Add  Op = '+'
)

// Line is one line, without its end.
type Line struct {
	Op   Op
	Text string
}

// mostEdits bounds the work: where two texts differ by more lines, what lies between their
// common beginning and end is replaced as a whole.
const mostEdits = 2000

// Lines is the shortest way from a text to another, by Myers' algorithm
// (An O(ND) Difference Algorithm and Its Variations, 1986).
func Lines(from, to string) []Line {
	a, b := split(from), split(to)
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var all []Line
	all = appendAll(all, Same, a[:head])
	all = append(all, middle(a[head:len(a)-tail], b[head:len(b)-tail])...)
	return appendAll(all, Same, a[len(a)-tail:])
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func appendAll(all []Line, op Op, texts []string) []Line {
	for _, text := range texts {
		all = append(all, Line{op, text})
	}
	return all
}

// middle compares what two texts do not share at their ends.
func middle(a, b []string) []Line {
	trace := furthest(a, b)
	if trace == nil {
		return appendAll(appendAll(nil, Del, a), Add, b)
	}
	var back []Line
	x, y := len(a), len(b)
	for d, v := range slices.Backward(trace) {
		k := x - y
		before := k - 1
		if k == -d || k != d && v[d+k-1] < v[d+k+1] {
			before = k + 1
		}
		px := 0
		if d > 0 {
			px = v[d+before]
		}
		py := px - before
		for x > px && y > py && x > 0 && y > 0 && (d > 0 || x == y) {
			x, y = x-1, y-1
			back = append(back, Line{Same, a[x]})
		}
		if d == 0 {
			break
		}
		if before == k+1 {
			back = append(back, Line{Add, b[py]})
		} else {
			back = append(back, Line{Del, a[px]})
		}
		x, y = px, py
	}
	slices.Reverse(back)
	return back
}

// furthest are, for each number of edits d, the furthest places that d-1 edits reach, on each
// diagonal from -d to d; nil if more than mostEdits are needed.
func furthest(a, b []string) [][]int {
	limit := min(len(a)+len(b), mostEdits)
	v := make([]int, 2*limit+3)
	at := func(k int) *int { return &v[limit+1+k] }
	var trace [][]int
	for d := 0; d <= limit; d++ {
		trace = append(trace, slices.Clone(v[limit+1-d:limit+2+d]))
		for k := -d; k <= d; k += 2 {
			x := 0
			switch {
			case d == 0:
			case k == -d || k != d && *at(k - 1) < *at(k + 1):
				x = *at(k + 1)
			default:
				x = *at(k - 1) + 1
			}
			for x < len(a) && x-k < len(b) && a[x] == b[x-k] {
				x++
			}
			*at(k) = x
			if x >= len(a) && x-k >= len(b) {
				return trace
			}
		}
	}
	return nil
}

// Unified is the difference of two texts as diff -u writes it, with so many lines of context;
// "" if they are the same. Texts with the character NUL, which no manifest has, are not for it.
func Unified(fromName, toName, from, to string, context int) string {
	var b strings.Builder
	for _, h := range Hunks(Lines(ended(from), ended(to)), context) {
		if b.Len() == 0 {
			fmt.Fprintf(&b, "--- %s\n+++ %s\n", fromName, toName)
		}
		b.WriteString(h.Header() + "\n")
		for _, l := range h.Lines {
			fmt.Fprintf(&b, "%c%s\n", l.Op, strings.ReplaceAll(l.Text, noEnd, "\n\\ No newline at end of file"))
		}
	}
	return b.String()
}

// noEnd marks a last line that has no end: it is not the line with one.
const noEnd = "\x00"

func ended(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + noEnd
}

// Hunk is a place where two texts differ, with the lines around it.
type Hunk struct {
	From, To int // the first line's numbers, from 1
	Lines    []Line
}

// Header is the line in front of a hunk of a unified diff.
func (h *Hunk) Header() string {
	from, to := 0, 0
	for _, l := range h.Lines {
		if l.Op != Add {
			from++
		}
		if l.Op != Del {
			to++
		}
	}
	span := func(start, n int) string {
		if n == 0 {
			start-- // as diff counts: the line in front of nothing
		}
		return fmt.Sprintf("%d,%d", start, n)
	}
	return "@@ -" + span(h.From, from) + " +" + span(h.To, to) + " @@"
}

// Hunks are the differences, each with lines of context around it.
func Hunks(lines []Line, context int) []Hunk {
	var all []Hunk
	end := 0 // of the last hunk
	for i, l := range lines {
		if l.Op == Same {
			continue
		}
		start := max(i-context, 0)
		stop := min(i+context+1, len(lines))
		if len(all) > 0 && start <= end {
			last := &all[len(all)-1]
			last.Lines = append(last.Lines, lines[end:max(end, stop)]...)
		} else {
			from, to := numbers(lines[:start])
			all = append(all, Hunk{From: from, To: to, Lines: slices.Clone(lines[start:stop])})
		}
		end = max(end, stop)
	}
	return all
}

// numbers are those of the lines behind these.
func numbers(before []Line) (from, to int) {
	from, to = 1, 1
	for _, l := range before {
		if l.Op != Add {
			from++
		}
		if l.Op != Del {
			to++
		}
	}
	return from, to
}
