// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a person is told at most. Kubernetes asks for warnings of at most 120 characters
// (k8s.io/api/admission/v1, AdmissionResponse.Warnings), and more than a handful is not
// read.
const (
	maxLine  = 120
	maxLines = 5
	maxPart  = 3 // lines of one sentence
)

const (
	speaker = "pillion: "
	goesOn  = "pillion:   "
)

// advice is what to tell a person, the most useful first.
type advice struct{ sentences []string }

func (a *advice) say(format string, args ...any) {
	a.sentences = append(a.sentences, fmt.Sprintf(format, args...))
}

// lines breaks the sentences into warnings. Those for which there is no line are counted.
func (a *advice) lines() []string {
	var out []string
	for i, sentence := range a.sentences {
		left := maxLines - len(out)
		if more := len(a.sentences) - i; more > 1 {
			if left == 1 {
				return append(out, fmt.Sprintf("%sand %d more; kubectl pillion inject -f FILE --policy POLICY shows all", speaker, more))
			}
			left-- // for the line above
		}
		out = append(out, wrap(sentence, min(left, maxPart))...)
	}
	return out
}

// wrap breaks a sentence at its blanks. A word that fits into no line is cut, and so is
// a sentence that fits into no so many lines.
func wrap(sentence string, most int) []string {
	var lines []string
	line, empty := speaker, true
	for word := range strings.FieldsSeq(printable(sentence)) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > maxLine {
			lines = append(lines, line)
			line, empty = goesOn, true
		}
		if !empty {
			line += " "
		}
		line += cut(word, maxLine-len(goesOn))
		empty = false
	}
	if lines = append(lines, line); len(lines) > most {
		lines = lines[:most]
		lines[most-1] = breakOff(lines[most-1])
	}
	return lines
}

// breakOff ends a line that the sentence does not end with.
func breakOff(line string) string {
	const most = maxLine - len(" .")
	for utf8.RuneCountInString(line) > most {
		i := strings.LastIndexByte(line, ' ')
		if i < len(goesOn) { // a single word
			return cut(line, maxLine)
		}
		line = line[:i]
	}
	return line + " …"
}

// cut shortens a text to so many characters.
func cut(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

// printable replaces what a terminal would obey instead of showing it.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || unicode.IsPrint(r) && r != utf8.RuneError {
			return r
		}
		return '?'
	}, text)
}
