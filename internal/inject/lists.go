// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// pair is one element of a list of name=value.
type pair struct {
	name, value string // in canonical form
	condition   condition
}

// splitList takes a comma list apart. A comma between parentheses, as in ftok(/srv,1),
// separates nothing.
func splitList(text string) []string {
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

// shownElement is an element that did not parse as an error text may repeat it.
func shownElement(element string) string {
	if strings.Contains(element, "@") || strings.Contains(element, "://") {
		return withoutCredentials(element)
	}
	return element
}

// joinList is the canonical form of a list. Written out with all defaults it can be
// longer than what the user wrote.
func joinList(list []string) (string, error) {
	text := strings.Join(list, ",")
	if len(text) > maxValue {
		return "", fmt.Errorf("is %d bytes long with all defaults written out; the limit is %d", len(text), maxValue)
	}
	return text, nil
}

// parsePairs reads a list of container=value, where each value has a form of its own.
func parsePairs(text, example string, value func(p *pair) error) (Value, error) {
	v := Value{names: []string{}}
	for _, element := range splitList(text) {
		name, rest, found := strings.Cut(element, "=")
		if !found || len(validation.IsDNS1123Label(name)) > 0 {
			return Value{}, fmt.Errorf("must be a list of container=value, such as %s; %q is not one of them", example, shownElement(element))
		}
		p := pair{name: name, value: rest}
		if err := value(&p); err != nil {
			return Value{}, fmt.Errorf("has %q, which %w", shownElement(element), err)
		}
		canonical := p.name + "=" + p.value
		if slices.Contains(v.List, canonical) {
			return Value{}, fmt.Errorf("has %q twice", canonical)
		}
		v.List, v.pairs, v.names = append(v.List, canonical), append(v.pairs, p), append(v.names, p.value)
	}
	var err error
	v.Text, err = joinList(v.List)
	return v, err
}

// parseMask reads the octal number of umask(2): "0002", "002" or "2".
func parseMask(text string) (string, error) {
	n, err := parseOctal(text)
	if err != nil {
		return "", errors.New("must be an octal mask from 0000 to 0777, such as 0002")
	}
	return fmt.Sprintf("%04o", n), nil
}

func parseUmasks(text string) (Value, error) {
	var seen []string
	return parsePairs(text, "web=0002", func(p *pair) (err error) {
		if slices.Contains(seen, p.name) {
			return errors.New("is the second mask of this container")
		}
		seen = append(seen, p.name)
		p.value, err = parseMask(p.value)
		return err
	})
}
