// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"gomodules.xyz/jsonpatch/v2"
	evanphx "gopkg.in/evanphx/json-patch.v4"
)

// applied applies a JSON patch to a document with the library that the API server uses,
// at the version it uses: what applies here applies there.
func applied(document, patch []byte) ([]byte, error) {
	decoded, err := evanphx.DecodePatch(patch)
	if err != nil {
		return nil, fmt.Errorf("decoding the patch: %w", err)
	}
	out, err := decoded.Apply(document)
	if err != nil {
		return nil, fmt.Errorf("applying the patch: %w", err)
	}
	return out, nil
}

// object reads JSON with its numbers as they are written.
func object(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var o map[string]any
	if err := decoder.Decode(&o); err != nil {
		t.Fatalf("%v in %.200s", err, raw)
	}
	return o
}

// operations reads a patch as [Patch] makes it: with values that are JSON.
func operations(t testing.TB, patch string) []jsonpatch.Operation {
	t.Helper()
	var list []struct {
		Op, Path string
		Value    json.RawMessage
	}
	if err := json.Unmarshal([]byte(patch), &list); err != nil {
		t.Fatal(err)
	}
	var ops []jsonpatch.Operation
	for _, o := range list {
		ops = append(ops, jsonpatch.Operation{Operation: o.Op, Path: o.Path, Value: &o.Value})
	}
	return ops
}
