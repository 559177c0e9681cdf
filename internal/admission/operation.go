// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Operation is one RFC 6902 operation. Pillion makes two kinds, add and replace.
type Operation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`  // RFC 6901
	Value json.RawMessage `json:"value"` // compact
}

func (o *Operation) String() string { return o.Op + " " + o.Path }

// marshalPatch writes operations as a JSON patch; nil if there are none, since a
// patch that is present and empty is an invalid answer.
func marshalPatch(ops []Operation) []byte {
	if len(ops) == 0 {
		return nil
	}
	size := 2
	for i := range ops {
		size += len(ops[i].Path) + len(ops[i].Value) + 48
	}
	patch := append(make([]byte, 0, size), '[')
	for i := range ops {
		if i > 0 {
			patch = append(patch, ',')
		}
		patch = append(patch, `{"op":"`...)
		patch = append(patch, ops[i].Op...)
		patch = append(patch, `","path":`...)
		patch, _ = jsontext.AppendQuote(patch, ops[i].Path) // what is not UTF-8 is replaced
		patch = append(patch, `,"value":`...)
		patch = append(patch, ops[i].Value...)
		patch = append(patch, '}')
	}
	return append(patch, ']')
}

// pointer builds an RFC 6901 pointer; '~' and '/' in a token are escaped.
func pointer(tokens ...string) string {
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

// tokens takes an RFC 6901 pointer apart.
func tokens(path string) ([]string, error) {
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
