// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
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

// lines are those of the document as it was read.
func (d *document) lines() *lines {
	if d.found == nil {
		d.found = newLines(d.text)
	}
	return d.found
}

// at is a remark about a field, written as Kubernetes does: spec.helpers[git-poller].image.
// Where the field is not in the file, the line is that of what it would be in.
func (l *lines) at(path, text string) remark {
	r := remark{Field: path, Text: text}
	_, r.Line = l.find(fieldTokens(path))
	return r
}

// find follows names and indexes to a value; nil if it is not there. The line is that of the last
// of them that is.
func (l *lines) find(tokens []string) (node *yamlv3.Node, line int) {
	node = l.root
	for _, token := range tokens {
		if node == nil {
			break
		}
		node = l.step(node, token, &line)
	}
	return node, line
}

// keyBelow are the names and indexes that lead to the first key of a name below a value.
func (l *lines) keyBelow(tokens []string, key string) []string {
	node, _ := l.find(tokens)
	if node == nil {
		return tokens
	}
	if found := keyIn(node, key); found != nil {
		return append(slices.Clone(tokens), found...)
	}
	return tokens
}

func keyIn(node *yamlv3.Node, key string) []string {
	for n, child := range node.Content {
		name := strconv.Itoa(n)
		if node.Kind == yamlv3.MappingNode {
			if n%2 == 0 && child.Value == key {
				return []string{key}
			}
			if n%2 == 0 {
				continue
			}
			name = node.Content[n-1].Value
		}
		if found := keyIn(child, key); found != nil {
			return append([]string{name}, found...)
		}
	}
	return nil
}

// written is a value as the file has it. A boolean is true or false, as other parsers of YAML than
// those of Kubernetes need not read "yes" and "on"; shown names both.
func (l *lines) written(path string, value any) (text, shown string) {
	node, _ := l.find(fieldTokens(path))
	text = fmt.Sprint(value)
	if node == nil || node.Kind != yamlv3.ScalarNode {
		return text, text
	}
	if _, boolean := value.(bool); boolean && node.Value != text {
		return text, text + ", written " + node.Value
	} else if boolean {
		return text, text
	}
	return node.Value, node.Value
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
