// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"fmt"

	evanphx "gopkg.in/evanphx/json-patch.v4"
)

// Apply applies a JSON patch to a document with the library that the API server uses,
// at the version it uses: what applies here applies there.
func Apply(document, patch []byte) ([]byte, error) {
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

// marshalPatch writes operations as a JSON patch; nil if there are none, since a
// patch that is present and empty is an invalid answer.
func marshalPatch[T any](ops []T) ([]byte, error) {
	if len(ops) == 0 {
		return nil, nil
	}
	patch, err := json.Marshal(ops)
	if err != nil {
		return nil, fmt.Errorf("writing the patch: %w", err)
	}
	return patch, nil
}
