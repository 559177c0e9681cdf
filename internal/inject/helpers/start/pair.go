// SPDX-License-Identifier: Apache-2.0

package start

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
)

// pair is one element of a list of container=value.
type pair struct {
	name, value string // in canonical form
	condition   condition
}

// pairsOf are the elements of an option; none if it is unset.
func pairsOf(r *helper.Request, option string) []pair {
	pairs, _ := r.Value(option).Data.([]pair)
	return pairs
}

// parsePairs reads a list of container=value, where each value has a form of its own.
func parsePairs(text, example string, value func(p *pair) error) (option.Value, error) {
	v := option.Value{Names: []string{}}
	var pairs []pair
	for _, element := range option.SplitList(text) {
		name, rest, found := strings.Cut(element, "=")
		if !found || len(validation.IsDNS1123Label(name)) > 0 {
			return option.Value{}, fmt.Errorf("must be a list of container=value, such as %s; %q is not one of them", example, option.ShownElement(element))
		}
		p := pair{name: name, value: rest}
		if err := value(&p); err != nil {
			return option.Value{}, fmt.Errorf("has %q, which %w", option.ShownElement(element), err)
		}
		canonical := p.name + "=" + p.value
		if slices.Contains(v.List, canonical) {
			return option.Value{}, fmt.Errorf("has %q twice", canonical)
		}
		v.List, pairs, v.Names = append(v.List, canonical), append(pairs, p), append(v.Names, p.value)
	}
	var err error
	v.Data = pairs
	v.Text, err = option.JoinList(v.List)
	return v, err
}
