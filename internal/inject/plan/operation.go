// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
	"gomodules.xyz/jsonpatch/v2"
)

// Marshal writes the operations of [Patch] as a JSON patch; nil if there are none, since a
// patch that is present and empty is an invalid answer.
func Marshal(ops []jsonpatch.Operation) []byte {
	if len(ops) == 0 {
		return nil
	}
	size := 2
	for i := range ops {
		size += len(ops[i].Path) + len(raw(&ops[i])) + 48
	}
	patch := append(make([]byte, 0, size), '[')
	for i := range ops {
		if i > 0 {
			patch = append(patch, ',')
		}
		patch = append(patch, `{"op":"`...)
		patch = append(patch, ops[i].Operation...)
		patch = append(patch, `","path":`...)
		patch, _ = jsontext.AppendQuote(patch, ops[i].Path) // what is not UTF-8 is replaced
		patch = append(patch, `,"value":`...)
		patch = append(patch, raw(&ops[i])...)
		patch = append(patch, '}')
	}
	return append(patch, ']')
}

// raw is the value of an operation of [Patch], which is compact JSON already.
func raw(op *jsonpatch.Operation) json.RawMessage {
	if value, ok := op.Value.(*json.RawMessage); ok {
		return *value
	}
	return nil
}

// words name an operation for an error message.
func words(op *jsonpatch.Operation) string { return op.Operation + " " + op.Path }
