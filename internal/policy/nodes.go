// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"slices"

	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// emptyFields rejects what the decoder would pass over in silence or without saying where:
// a field with nothing behind it, which reads as one that is not there, and an allow that
// is no list. The exceptions say what they seem to: "date-writer:" lists the helper, and
// "helpers:" lists none.
func emptyFields(root *yamlv3.Node) error {
	var errs []error
	walk(root, nil, nil, func(n *yamlv3.Node, keys []string, at *field.Path) {
		inHelpers := len(keys) > 1 && keys[0] == "spec" && keys[1] == "helpers"
		switch {
		case n.ShortTag() == "!!null" && (!inHelpers || len(keys) > 3):
			errs = append(errs, fmt.Errorf("line %d: %s: is empty; write a value, or remove it", n.Line, at))
		case inHelpers && len(keys) == 6 && keys[5] == "allow" && n.Kind != yamlv3.SequenceNode:
			errs = append(errs, fmt.Errorf("line %d: %s: must be a list, such as [a, b]", n.Line, at))
		}
	})
	return errors.Join(errs...)
}

// walk visits all values of a document with the keys that lead to them and their path. What
// an alias stands for is visited where the anchor is.
func walk(n *yamlv3.Node, keys []string, at *field.Path, visit func(*yamlv3.Node, []string, *field.Path)) {
	switch n.Kind {
	case yamlv3.DocumentNode:
		walk(n.Content[0], keys, at, visit)
		return
	case yamlv3.MappingNode:
		visit(n, keys, at)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			next := at.Child(key)
			if last := len(keys) - 1; last >= 0 && (keys[last] == "helpers" || keys[last] == "options" || keys[last] == "requests" || keys[last] == "limits" && last > 1) {
				next = at.Key(key)
			}
			walk(n.Content[i+1], append(slices.Clip(keys), key), next, visit)
		}
	case yamlv3.SequenceNode:
		visit(n, keys, at)
		for i, item := range n.Content {
			walk(item, append(slices.Clip(keys), fmt.Sprint(i)), at.Index(i), visit)
		}
	default:
		visit(n, keys, at)
	}
}
