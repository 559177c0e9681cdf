// SPDX-License-Identifier: Apache-2.0

package option

import (
	"fmt"
	"slices"

	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// Boolean is exactly "true" or "false".
var Boolean = Kind{Name: "boolean", Parse: func(text string) (Value, error) { return parseChoice([]string{"true", "false"}, text) }}

// Choice is one of a few words.
func Choice(words ...string) Kind {
	return Kind{Name: "choice", Choices: words, Parse: func(text string) (Value, error) { return parseChoice(words, text) }}
}

func parseChoice(choices []string, text string) (Value, error) {
	if slices.Contains(choices, text) {
		return Value{Text: text}, nil
	}
	return Value{}, fmt.Errorf("must be %s%s", JoinOr(choices), nearmiss.DidYouMean(nearmiss.Nearest(text, choices)))
}
