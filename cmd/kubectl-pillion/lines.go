// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
)

// lines finds the lines of a YAML document's fields.
type lines struct{ root *yamlv3.Node }

// newLines reads a document. One that is no YAML has no lines.
func newLines(data []byte) *lines {
	var document yamlv3.Node
	if yamlv3.Unmarshal(data, &document) != nil || len(document.Content) == 0 {
		return &lines{}
	}
	return &lines{document.Content[0]}
}

// at is a remark about a field, written as Kubernetes does: spec.helpers[git-poller].image.
// Where the field is not in the file, the line is that of what it would be in.
func (l *lines) at(path, text string) remark {
	r := remark{Field: path, Text: text}
	node := l.root
	for _, token := range fieldTokens(path) {
		if node == nil {
			break
		}
		node = l.step(node, token, &r.Line)
	}
	return r
}

// step goes to a member of a mapping or an item of a list, and notes its line.
func (l *lines) step(node *yamlv3.Node, token string, line *int) *yamlv3.Node {
	if node.Kind == yamlv3.AliasNode {
		node = node.Alias
	}
	switch node.Kind {
	case yamlv3.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == token {
				*line = node.Content[i].Line
				return node.Content[i+1]
			}
		}
	case yamlv3.SequenceNode:
		if i, err := strconv.Atoi(token); err == nil && i < len(node.Content) {
			*line = node.Content[i].Line
			return node.Content[i]
		}
	}
	return nil
}

// fieldTokens takes a field path apart: "a.b[c.d].e" is a, b, c.d, e.
func fieldTokens(path string) []string {
	var tokens []string
	for path != "" {
		if path[0] == '[' {
			key, rest, _ := strings.Cut(path[1:], "]")
			tokens = append(tokens, key)
			path = strings.TrimPrefix(rest, ".")
			continue
		}
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			return append(tokens, path)
		}
		tokens = append(tokens, path[:end])
		path = strings.TrimPrefix(path[end:], ".")
	}
	return tokens
}
