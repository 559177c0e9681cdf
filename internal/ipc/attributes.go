// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// attributes are the numbers behind the question mark of an object, by name.
type attributes map[string]uint32

// split parses "what?name=number&…". Each attribute that has a value in known
// is optional, and no other may be given. A mode is four octal digits.
func split(text string, known attributes) (what string, given attributes, err error) {
	given = maps.Clone(known)
	what, query, asked := strings.Cut(text, "?")
	if !asked {
		return what, given, nil
	}
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if _, ok := known[name]; !ok {
			return "", nil, fmt.Errorf("%q has no attribute %q", text, name)
		}
		if seen[name] {
			return "", nil, fmt.Errorf("%q has the attribute %s twice", text, name)
		}
		seen[name] = true
		parse := number
		if name == "mode" {
			parse = octal
		}
		if given[name], err = parse(value); err != nil {
			return "", nil, fmt.Errorf("%s of %q %w", name, text, err)
		}
	}
	return what, given, nil
}

func number(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("must be a number between 1 and 2147483647, not %q", text)
	}
	return uint32(n), nil
}

func octal(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 8, 32)
	if err != nil || len(text) != 4 || n > 0o777 {
		return 0, fmt.Errorf("must be four octal digits between 0000 and 0777, such as 0666, not %q", text)
	}
	return uint32(n), nil
}
