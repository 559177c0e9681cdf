// SPDX-License-Identifier: Apache-2.0

package option

import (
	"strconv"
	"strings"
)

// JoinAnd writes a list as people do: "a", "a and b", "a, b and c".
func JoinAnd(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// JoinOr writes a list of choices: `"a"`, `"a" or "b"`, `"a", "b" or "c"`.
func JoinOr(words []string) string {
	quoted := quote(words)
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
}

// Listed writes a list of values behind a colon: `"a"`, `"a", "b"`.
func Listed(words []string) string { return strings.Join(quote(words), ", ") }

func quote(words []string) []string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	return quoted
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// WithoutCredentials is what may be repeated of a value that did not parse: whatever
// stands before an @, or in a query or a fragment, is taken for a credential. With both
// there is no telling which of the two comes first.
func WithoutCredentials(text string) string {
	at, query := max(strings.LastIndexByte(text, '@'), strings.LastIndex(text, "%40")), strings.IndexAny(text, "?#")
	switch {
	case at < 0 && query < 0:
		return text
	case at < 0:
		return text[:query+1] + "…"
	}
	rest := text[at:]
	if query >= 0 {
		rest = ""
	}
	scheme, _, found := strings.Cut(text[:at], "://")
	if !found {
		return "…" + rest
	}
	return scheme + "://…" + rest
}
