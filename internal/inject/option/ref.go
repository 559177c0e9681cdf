// SPDX-License-Identifier: Apache-2.0

package option

import "github.com/pillion-dev/pillion/internal/gitref"

// GitRef is a branch, a tag or a full commit hash.
var GitRef = Kind{Name: "git ref", Parse: func(text string) (Value, error) {
	ref, err := gitref.Parse(text)
	return Value{Text: ref}, err
}}
