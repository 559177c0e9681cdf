// SPDX-License-Identifier: Apache-2.0

package option

import (
	"fmt"
	"regexp"
)

// String is any printable text of at most maxLength bytes (0 is [MaxValue]) that the pattern
// matches from its beginning to its end; nil matches every text.
func String(pattern *regexp.Regexp, maxLength int) Kind {
	anchored := pattern
	if pattern != nil {
		anchored = regexp.MustCompile(`\A(?:` + pattern.String() + `)\z`)
	}
	return Kind{Name: "string", Parse: func(text string) (Value, error) {
		switch {
		case maxLength > 0 && len(text) > maxLength:
			return Value{}, fmt.Errorf("is %d bytes long; the limit is %d", len(text), maxLength)
		case anchored != nil && !anchored.MatchString(text):
			return Value{}, fmt.Errorf("must match the pattern %s", pattern)
		}
		return Value{Text: text}, nil
	}}
}
