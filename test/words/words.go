// SPDX-License-Identifier: Apache-2.0

// Package words holds phrases that the project no longer uses, with what to write instead.
// Its test reads the files of the repository and fails where one of them is back.
package words

import (
	"regexp"
	"slices"
	"strings"
)

// rule is a phrase and its replacement.
type rule struct {
	parts   []string // in lower case: a text without any of them has no match, which is found fast
	pattern *regexp.Regexp
	instead string
}

// rules are matched line by line. What is right in another meaning is left out by the pattern.
var rules = []rule{
	{[]string{"white space"}, regexp.MustCompile(`(?i)\bwhite space\b`), "whitespace"},
	{[]string{"typing error"}, regexp.MustCompile(`(?i)\btyping errors?\b`), "typo"},
	{[]string{"a text"}, regexp.MustCompile(`(?i)\ba text has to be quoted\b|\b(expected|got|must be) a text\b`), "a string"},
	{[]string{"allowed is"}, regexp.MustCompile(`(?i)\ballowed is ["\x60%]`), "allowed values: a, b"},
	{[]string{"refus"}, regexp.MustCompile(`(?i)\b(pods?|workloads?|deployments?) (that \w+ )*(is|are|was|were|will be|would be) refused\b|\brefus(e|es|ed|ing) (the |a |every )?pods?\b`), "denied, deny"},
	{[]string{"not looked at", "to know of"}, regexp.MustCompile(`(?i)\bnot looked at\b|\bto know of, \d`), "not checked; 1 warning"},
	{[]string{"look failed", "look at the remote", "git_looks"}, regexp.MustCompile(`(?i)\blook failed\b|\ba look at the remote\b|pillion_git_looks`), "poll"},
	{[]string{"lest", "whence", "anew"}, regexp.MustCompile(`(?i)\b(lest|whence|anew)\b`), "plain words: again, from where, so that not"},
	{[]string{"belong"}, regexp.MustCompile(`(?i)\bbelongs? into\b`), "belongs in"},
	{[]string{"an umask"}, regexp.MustCompile(`(?i)\ban umask\b`), "a umask"},
	{[]string{" stories"}, regexp.MustCompile(`(?i)\btells? (the|its|their) stories\b`), "run the tests"},
	{[]string{"link"}, regexp.MustCompile(`(?i)\blinks? of (the|an) installation\b|\blink by link\b`), "a check"},
	{[]string{"as which", "who listens", "nobody special"}, regexp.MustCompile(`(?i)\bas which no (helper|container of pillion) runs\b|\bwho listens needs\b|\bmay be nobody special\b`), "a sentence with a noun as its subject"},
	{[]string{"git distrusts"}, regexp.MustCompile(`(?i)\bgit distrusts\b`), "git rejects"},
	{[]string{"wayout", "squatters", "goeson", "foresee"}, regexp.MustCompile(`\b(wayOut|squatters|goesOn|Foresee)\b`), "a standard identifier"},
	{[]string{".debug(", ".info(", ".warn(", ".error("}, regexp.MustCompile(`\.(Debug|Info|Warn|Error)\("[^"]*", "[a-z]+[-_][a-z]`), "log keys in camelCase, such as retryIn"},
}

// problem is a phrase in a line.
type problem struct {
	line    int
	phrase  string
	instead string
}

// check finds the phrases in a text.
func check(text string) (problems []problem) {
	low := strings.ToLower(text)
	likely := slices.DeleteFunc(slices.Clone(rules), func(r rule) bool {
		return !slices.ContainsFunc(r.parts, func(part string) bool { return strings.Contains(low, part) })
	})
	if len(likely) == 0 {
		return nil
	}
	for i, line := range strings.Split(text, "\n") {
		for _, r := range likely {
			if phrase := r.pattern.FindString(line); phrase != "" {
				problems = append(problems, problem{i + 1, phrase, r.instead})
			}
		}
	}
	return problems
}
