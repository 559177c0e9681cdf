// SPDX-License-Identifier: Apache-2.0

package policy

import (
	yamlv3 "go.yaml.in/yaml/v3"
)

// fillHelpers makes empty mappings of "helpers:" and "date-writer:" with nothing behind them, which
// say what they seem to: no helper, and the helper without settings. Any other field with nothing
// behind it is a mistake.
func fillHelpers(document *yamlv3.Node) {
	helpers := member(member(document.Content[0], "spec"), "helpers")
	if helpers == nil {
		return
	}
	fill(helpers)
	for i := 1; i < len(helpers.Content); i += 2 {
		fill(helpers.Content[i])
	}
}

func fill(n *yamlv3.Node) {
	if n.Kind == yamlv3.ScalarNode && n.ShortTag() == "!!null" {
		*n = yamlv3.Node{Kind: yamlv3.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
	}
}

// member is the value of a field of a mapping; nil if there is none.
func member(n *yamlv3.Node, name string) *yamlv3.Node {
	if n == nil || n.Kind != yamlv3.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}
