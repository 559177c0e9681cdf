// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"fmt"
	"strings"
)

// MaxShown is how many bytes of one text of a caller an answer or a log line may repeat. It
// can be as long as the largest body.
const MaxShown = 128

const maxField = 253

// Shown is a string as an answer or a log line may repeat it.
func Shown(text string) string { return Shortened(text, MaxShown) }

// Shortened is the beginning of a string that is longer than it may be, with its length.
func Shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(text[:most], ""), len(text))
}

// ShownField is the path of a field, of which what is in brackets can be a caller's.
func ShownField(path string) string {
	before, key, found := strings.Cut(path, "[")
	if !found || len(path) <= maxField {
		return Shortened(path, maxField)
	}
	return Shortened(before, maxField) + "[" + Shown(strings.TrimSuffix(key, "]")) + "]"
}
