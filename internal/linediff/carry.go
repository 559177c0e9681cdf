// SPDX-License-Identifier: Apache-2.0

package linediff

import "strings"

// Carry makes of a text what is made of one that differs from it in form alone: it applies the
// way from that text to another to the lines that both share, apart from their spaces. What is
// added is indented as the line above it to which it belongs by its indent. ok is false if a
// line that goes is not shared, so that nobody knows what should go.
func Carry(text, from, to string) (result string, ok bool) {
	at := map[int]int{} // lines of from that text has, and their places there
	x, y := 0, 0
	for _, l := range Lines(spaceless(text), spaceless(from)) {
		switch l.Op {
		case Same:
			at[y] = x
			x, y = x+1, y+1
		case Del:
			x++
		case Add:
			y++
		}
	}
	own, other := split(text), split(from)
	var b strings.Builder
	next, place := 0, 0 // of text: the first line that is not written, and the one behind what is shared so far
	write := func(until int) {
		for ; next < until; next++ {
			b.WriteString(own[next] + "\n")
		}
	}
	y = 0
	for _, l := range Lines(from, to) {
		if l.Op == Add {
			write(place)
			b.WriteString(indented(l.Text, y, at, own, other) + "\n")
			continue
		}
		x, shared := at[y]
		y++
		switch {
		case shared && l.Op == Del:
			write(x)
			next, place = x+1, x+1
		case shared:
			place = x + 1
		case l.Op == Del:
			return "", false
		}
	}
	write(len(own))
	return b.String(), true
}

// spaceless is a text without what only indents or aligns its words.
func spaceless(text string) string {
	lines := split(text)
	for i := range lines {
		lines[i] = strings.Join(strings.Fields(lines[i]), " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// indented is a line that is added in front of line y of other, indented as own is: by as much
// more or less as the last shared line that is not deeper.
func indented(line string, y int, at map[int]int, own, other []string) string {
	have := indent(line)
	for y--; y >= 0; y-- {
		x, shared := at[y]
		if !shared || indent(other[y]) > have || strings.TrimSpace(other[y]) == "" {
			continue
		}
		want := max(have+indent(own[x])-indent(other[y]), 0)
		return strings.Repeat(" ", want) + line[have:]
	}
	return line
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
