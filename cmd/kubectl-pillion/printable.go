// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Much of what is printed was written by others: annotations of pods, messages of
// containers, errors that quote them. A terminal obeys some of these characters, and others
// forge a row or change the order of what is read; so nothing is printed but what can be
// seen where it stands.

// longestText is how many bytes of one text are printed.
const longestText = 4 << 10

// printable is a string on one line, with escapes such as \n, \x1b and \u202e in the place of
// what cannot be seen.
func printable(text string) string {
	if len(text) > longestText {
		text = text[:longestText] + "…"
	}
	return escaped(text, false)
}

// escaped keeps line ends if lines is true.
func escaped(text string, lines bool) string {
	clean := func(r rune) bool { return r != utf8.RuneError && visible(r) || r == '\n' && lines }
	if !strings.ContainsFunc(text, func(r rune) bool { return !clean(r) }) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case clean(r):
			b.WriteRune(r)
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// visible reports whether a character takes a place of its own and shows something there.
// What is not is the business of terminals (control characters), of the order of writing
// and of joining (format characters, among them those of zero width), is put over its
// neighbours (nonspacing marks), is a space that is not that of ASCII, or is a letter by its
// category and blank all the same.
func visible(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800':
		return false
	}
	return unicode.IsPrint(r) && !unicode.In(r, unicode.Mn, unicode.Me)
}

// makePrintable makes all texts in a value printable, wherever they are in it. What is
// printed is made for it, so it is changed where it lies.
func makePrintable(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(printable(v.String()))
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			makePrintable(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			makePrintable(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() || f.Anonymous { // what is embedded may be exported again
				makePrintable(v.Field(i))
			}
		}
	default: // no text is in it
	}
}

// printableJSON escapes what cannot be seen in a JSON text, where that is only ever in a
// string, and strings have escapes.
func printableJSON(text []byte) []byte {
	var b strings.Builder
	for _, r := range string(text) {
		switch {
		case visible(r), r == '\n':
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return []byte(b.String())
}

// onlyPrintable is a writer of what is said beside the answer: errors and warnings.
type onlyPrintable struct{ to io.Writer }

func (w onlyPrintable) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.to, escaped(string(p), true)); err != nil {
		return 0, err
	}
	return len(p), nil
}
