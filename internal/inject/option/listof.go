// SPDX-License-Identifier: Apache-2.0

package option

import (
	"fmt"
	"slices"
	"strings"
)

// List is a comma list of at most maxItems (0 is no limit) different values of one option's
// kind and bounds. A policy's allow list is compared with each element.
func List(of *Option, maxItems int) Kind {
	return Kind{Name: "list of " + strings.TrimSuffix(of.Kind.Name, "s") + "s", Choices: of.Kind.Choices, Redact: of.Kind.Redact, Unlisted: of.Kind.Unlisted, Parse: func(text string) (Value, error) {
		var list []string
		for item := range strings.SplitSeq(text, ",") {
			item = strings.TrimSpace(item)
			v, err := of.Parse(item)
			if err != nil {
				return Value{}, fmt.Errorf("must be a comma list, in which %q %w", of.Kind.Shown(item), err)
			}
			if slices.Contains(list, v.Text) {
				return Value{}, fmt.Errorf("has %q twice", of.Kind.Shown(v.Text))
			}
			list = append(list, v.Text)
		}
		if maxItems > 0 && len(list) > maxItems {
			return Value{}, fmt.Errorf("has %d elements; the limit is %d", len(list), maxItems)
		}
		joined, err := JoinList(list)
		return Value{Text: joined, List: list}, err
	}, Pattern: func(text string) (Pattern, error) {
		if strings.Contains(text, ",") {
			return nil, fmt.Errorf("must be one value or pattern; each element of a pod's list is compared by itself")
		}
		return of.Pattern(text)
	}}
}
