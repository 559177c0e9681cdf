// SPDX-License-Identifier: Apache-2.0

package option

import (
	"fmt"
	"strings"
)

// SplitList takes a comma list apart. A comma between parentheses, as in ftok(/srv,1),
// separates nothing.
func SplitList(text string) []string {
	var list []string
	depth, from := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '(':
			depth++
		case ')':
			depth = max(0, depth-1)
		case ',':
			if depth == 0 {
				list = append(list, strings.TrimSpace(text[from:i]))
				from = i + 1
			}
		}
	}
	return append(list, strings.TrimSpace(text[from:]))
}

// ShownElement is an element that did not parse as an error message may repeat it.
func ShownElement(element string) string {
	if strings.Contains(element, "@") || strings.Contains(element, "://") {
		return WithoutCredentials(element)
	}
	return element
}

// JoinList is the canonical form of a list. Written out with all defaults it can be
// longer than what the user wrote.
func JoinList(list []string) (string, error) {
	text := strings.Join(list, ",")
	if len(text) > MaxValue {
		return "", fmt.Errorf("is %d bytes long with all defaults written out; the limit is %d", len(text), MaxValue)
	}
	return text, nil
}
