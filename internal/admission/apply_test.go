// SPDX-License-Identifier: Apache-2.0

package admission

import (
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
