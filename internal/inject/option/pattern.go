// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"strings"
)

// Glob is a pattern in which "*" stands for any run of characters, and all else for itself.
type Glob string

// Matches reports whether the pattern covers the text of a value.
func (g Glob) Matches(v Value) bool { return glob(string(g), v.Text) }

func (g Glob) String() string { return string(g) }

// Pattern reads an entry of an allow list for the option.
func (o *Option) Pattern(text string) (Pattern, error) {
	if err := PlainText(text); err != nil {
		return nil, err
	}
	switch {
	case o.Kind.Pattern != nil:
		return o.Kind.Pattern(text)
	case strings.Contains(text, "*"):
		return Glob(text), nil
	}
	// A literal that no value can equal is a mistake in the policy.
	v, err := Opened(o.Parse(text))
	if err != nil {
		return nil, err
	}
	return Glob(v.Text), nil
}

// ByName is the Pattern of a kind of list whose elements policies know by their names,
// whatever attributes or values stand behind. name brings one into its canonical form.
func ByName(name func(text string) (string, error)) func(text string) (Pattern, error) {
	return func(text string) (Pattern, error) {
		if !strings.Contains(text, "*") {
			canonical, err := name(text)
			return Glob(canonical), err
		}
		if len(SplitList(text)) > 1 {
			return nil, errors.New("must be one name or pattern; each element of a pod's list is compared by itself")
		}
		return Glob(text), nil
	}
}

// glob reports whether a pattern covers a string from its beginning to its end.
func glob(pattern, text string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	if !strings.HasPrefix(text, head) {
		return false
	}
	text = text[len(head):]
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(text, part)
		}
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text, rest = text[i+len(part):], more
	}
}
