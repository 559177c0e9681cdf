// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"strings"
	"testing"
)

// The rules of text that hold for every option, whatever its kind (research: T31).
func TestAValueIsPlainTextWhateverItsKind(t *testing.T) {
	t.Parallel()
	character := func(r string, at int) string {
		return fmt.Sprintf("has the character %s at position %d; only printable ASCII is allowed", r, at)
	}
	const (
		empty = "must not be empty"
		space = "must not begin or end with whitespace"
		block = `ends with a line break, as a YAML block scalar ("|") adds it; write the value on one line`
	)
	tests := []struct{ name, value, why string }{
		{"nothing", "", empty},
		{"a space alone", " ", space},
		{"a space in front", " main", space},
		{"a space behind", "main ", space},
		{"a tab in front", "\tmain", space},
		{"a no-break space behind", "main\u00a0", space},
		{"an ideographic space in front", "\u3000main", space},
		{"a line separator behind", "main\u2028", space},
		{"a block scalar", "main\n", block},
		{"a block scalar with two line breaks", "main\n\n", block},
		{"a block scalar from another system", "main\r\n", block},
		{"a line break alone", "\n", block},
		{"a line break inside", "ma\nin", character("U+000A", 3)},
		{"a carriage return inside", "ma\rin", character("U+000D", 3)},
		{"a tab inside", "ma\tin", character("U+0009", 3)},
		{"a NUL", "ma\x00in", character("U+0000", 3)},
		{"a NUL at the end", "main\x00", character("U+0000", 5)},
		{"an escape sequence of a terminal", "\x1b[31mmain", character("U+001B", 1)},
		{"a delete", "main\x7f", character("U+007F", 5)},
		{"a next line of another code", "ma\u0085in", character("U+0085", 3)},
		{"a zero-width space", "ma\u200bin", character("U+200B", 3)},
		{"a zero-width joiner", "main\u200d", character("U+200D", 5)},
		{"a word joiner", "\u2060main", character("U+2060", 1)},
		{"a byte order mark", "\ufeffmain", character("U+FEFF", 1)},
		{"a soft hyphen", "ma\u00adin", character("U+00AD", 3)},
		{"a right-to-left override", "\u202eniam", character("U+202E", 1)},
		{"a right-to-left isolate", "main\u2067", character("U+2067", 5)},
		{"a Cyrillic look-alike", "mаin", character("U+0430", 2)},
		{"a full-width letter", "ｍain", character("U+FF4D", 1)},
		{"an accent", "maîn", character("U+00EE", 3)},
		{"a combining accent", "mai\u0302n", character("U+0302", 4)},
		{"a typographic minus", "ma–in", character("U+2013", 3)},
		{"a character beyond the basic plane", "main😀", character("U+1F600", 5)},
		{"a byte that is no UTF-8", "ma\xffin", character("U+FFFD", 3)},
		{"a lone surrogate", "ma\xed\xa0\x80in", character("U+FFFD", 3)},
		{"an overlong slash", "ma\xc0\xafin", character("U+FFFD", 3)},
	}
	for _, h := range builtin.All() {
		for i := range h.Options {
			key := h.Key("", h.Options[i].Name)
			for _, tt := range tests {
				t.Run(key+" denies "+tt.name, func(t *testing.T) {
					t.Parallel()
					_, got := parseOne(t, key, tt.value)
					if want := wrong(key, tt.value, tt.why); got != want {
						t.Errorf("got  %s\nwant %s", got, want)
					}
				})
			}
			t.Run(key+" denies what is too long", func(t *testing.T) {
				t.Parallel()
				_, got := parseOne(t, key, strings.Repeat("a", 2049))
				want := wrong(key, strings.Repeat("a", 128)+"… (2049 bytes)", "is 2049 bytes long; the limit is 2048")
				if got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			})
		}
	}
}
