// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// Limits on warnings. Kubernetes asks for warnings of at most 120 characters
// (k8s.io/api/admission/v1, AdmissionResponse.Warnings), and more than a handful is not
// read.
const (
	maxLine  = 120
	maxLines = 5
	maxPart  = 3 // lines of one sentence
)

const (
	speaker      = "pillion: "
	continuation = "pillion:   "
)

// advice is the warnings for a person, the most useful first.
type advice struct{ sentences []Stray }

func (a *advice) say(format string, args ...any) { a.sayOf("", format, args...) }

// sayOf says something of one key.
func (a *advice) sayOf(key, format string, args ...any) {
	a.sentences = append(a.sentences, Stray{key, fmt.Sprintf(format, args...)})
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
		out = append(out, wrap(sentence.Text, min(left, maxPart))...)
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
			line, empty = continuation, true
		}
		if !empty {
			line += " "
		}
		line += cut(word, maxLine-len(continuation))
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
		if i < len(continuation) { // a single word
			return cut(line, maxLine)
		}
		line = line[:i]
	}
	return line + " …"
}

// cut shortens a string to a number of characters.
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

// teamCanChange names the fields of the policy that deny something, and who can change them.
func teamCanChange(a *advice, policy string, problems []reason.Problem) {
	var fields []string
	for _, p := range problems {
		if p.PolicyField != "" && !slices.Contains(fields, p.PolicyField) {
			fields = append(fields, p.PolicyField)
		}
	}
	if len(fields) > 0 {
		a.say("the platform team can change policy %s, spec.%s", policy, strings.Join(fields, ", spec."))
	}
}

// tolerated are the warnings about what a policy that only warns would deny.
func tolerated(d inject.Decision) []string {
	var lines []string
	for _, p := range d.Violations {
		lines = append(lines, wrap(fmt.Sprintf("policy %s only warns, and would deny %s", d.Policy, brief(p)), maxPart)...)
	}
	return lines
}

// nothing says that keys have no effect.
func nothing(keys []string) string {
	if more := len(keys) - 1; more > 0 {
		return fmt.Sprintf("%s and %d more do nothing", keys[0], more)
	}
	return keys[0] + " does nothing"
}

// brief is a problem without the path that all annotations share.
func brief(p reason.Problem) string {
	where := p.Field
	if i := strings.Index(where, "metadata.annotations["); i >= 0 {
		where = strings.TrimSuffix(where[i+len("metadata.annotations["):], "]")
	}
	if p.Type == field.ErrorTypeInvalid {
		return fmt.Sprintf("%s: %+q: %s", where, fmt.Sprint(p.BadValue), p.Detail)
	}
	return where + ": " + p.Detail
}
