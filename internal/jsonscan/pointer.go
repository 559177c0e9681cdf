// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Pointer builds an RFC 6901 pointer; '~' and '/' in a token are escaped.
func Pointer(tokens ...string) string {
	size := 0
	for _, t := range tokens {
		size += len("/") + len(t) + strings.Count(t, "/") + strings.Count(t, "~")
	}
	var out strings.Builder
	out.Grow(size)
	for _, t := range tokens {
		out.WriteByte('/')
		_, _ = escape.WriteString(&out, t) // a Builder takes all
	}
	return out.String()
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

// Tokens takes an RFC 6901 pointer apart.
func Tokens(path string) ([]string, error) {
	if path == "" || path[0] != '/' {
		return nil, fmt.Errorf("%q is not a JSON pointer below the root", path)
	}
	list := strings.Split(path[1:], "/")
	for i := range list {
		if strings.Contains(list[i], "~") {
			list[i] = strings.ReplaceAll(strings.ReplaceAll(list[i], "~1", "/"), "~0", "~")
		}
	}
	return list, nil
}

// FieldPath is the field path of what a list of tokens leads to.
func FieldPath(tokens []string) *field.Path {
	var path *field.Path
	for _, token := range tokens {
		switch i, err := strconv.Atoi(token); {
		case err == nil:
			path = path.Index(i)
		case strings.ContainsAny(token, "./"): // an annotation's key, not a field
			path = path.Key(token)
		default:
			path = path.Child(token)
		}
	}
	return path
}
