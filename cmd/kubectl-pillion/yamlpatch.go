// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
)

// patchYAML applies our JSON patches to the text of a YAML document and keeps its
// comments and order. It knows the operations that Pillion makes, add and replace,
// and those that uninject makes, remove and replace; its result is compared with what the real patch library made of the same document.
func patchYAML(text []byte, patches [][]byte) ([]byte, error) {
	var root yamlv3.Node
	if err := yamlv3.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	for _, patch := range patches {
		var ops []struct {
			Op    string          `json:"op"`
			Path  string          `json:"path"`
			Value json.RawMessage `json:"value"`
		}
		if err := json.Unmarshal(patch, &ops); err != nil {
			return nil, err
		}
		for _, op := range ops {
			if op.Op == "remove" {
				if err := remove(root.Content[0], strings.Split(op.Path, "/")[1:]); err != nil {
					return nil, fmt.Errorf("%s: %w", op.Path, err)
				}
				continue
			}
			value, err := blockNode(op.Value)
			if err != nil {
				return nil, err
			}
			if err := set(root.Content[0], strings.Split(op.Path, "/")[1:], value, op.Op == "add"); err != nil {
				return nil, fmt.Errorf("%s: %w", op.Path, err)
			}
		}
	}
	var out bytes.Buffer
	encoder := yamlv3.NewEncoder(&out)
	s := styleOf(&root)
	encoder.SetIndent(s.indent)
	if s.compact {
		encoder.CompactSeqIndent()
	}
	if err := encoder.Encode(&root); err != nil {
		return nil, err
	}
	return out.Bytes(), encoder.Close()
}

// style is how a document is indented, so that adding to it does not move its lines.
type style struct {
	indent  int  // blanks for a level
	compact bool // lists begin below their key instead of a level deeper
}

// styleOf takes the style of a document from its first nested mapping and list.
func styleOf(root *yamlv3.Node) style {
	s := style{indent: 2, compact: true}
	var indented, listed bool
	var look func(n *yamlv3.Node)
	look = func(n *yamlv3.Node) {
		for i, c := range n.Content {
			if n.Kind == yamlv3.MappingNode && i%2 == 1 && c.Style&yamlv3.FlowStyle == 0 && len(c.Content) > 0 {
				deeper := c.Column - n.Content[i-1].Column
				switch {
				case c.Kind == yamlv3.MappingNode && !indented && deeper > 1:
					s.indent, indented = deeper, true
				case c.Kind == yamlv3.SequenceNode && !listed:
					s.compact, listed = deeper == 0, true
				}
			}
			look(c)
		}
	}
	look(root)
	return s
}

// blockNode reads JSON, which is YAML, and sheds its braces and quotes.
func blockNode(value []byte) (*yamlv3.Node, error) {
	var node yamlv3.Node
	if err := yamlv3.Unmarshal(value, &node); err != nil {
		return nil, err
	}
	plain(node.Content[0])
	return node.Content[0], nil
}

func plain(n *yamlv3.Node) {
	n.Style = 0 // the encoder quotes again where a string would read as something else
	if n.Kind == yamlv3.MappingNode && len(n.Content) == 0 || n.Kind == yamlv3.SequenceNode && len(n.Content) == 0 {
		n.Style = yamlv3.FlowStyle
	}
	for _, c := range n.Content {
		plain(c)
	}
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// set walks to the parent of a pointer's last token and puts the value there.
func set(n *yamlv3.Node, tokens []string, value *yamlv3.Node, add bool) error {
	last := len(tokens) == 1
	token := unescape.Replace(tokens[0])
	switch n.Kind {
	case yamlv3.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			if n.Content[i].Value != token {
				continue
			}
			if !last {
				return set(n.Content[i+1], tokens[1:], value, add)
			}
			n.Content[i+1] = value
			return nil
		}
		if !last {
			return fmt.Errorf("has no %q", token)
		}
		n.Content = append(n.Content, &yamlv3.Node{Kind: yamlv3.ScalarNode, Value: token}, value)
		return nil
	case yamlv3.SequenceNode:
		return setElement(n, token, tokens[1:], value, add)
	}
	return fmt.Errorf("%q is not inside a mapping or a list", token)
}

// remove walks to the parent of a pointer's last token and takes the value there away.
func remove(n *yamlv3.Node, tokens []string) error {
	last, token := len(tokens) == 1, unescape.Replace(tokens[0])
	switch n.Kind {
	case yamlv3.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			switch {
			case n.Content[i].Value != token:
				continue
			case !last:
				return remove(n.Content[i+1], tokens[1:])
			}
			n.Content = slices.Delete(n.Content, i, i+2)
			return nil
		}
	case yamlv3.SequenceNode:
		if i, err := strconv.Atoi(token); err == nil && i < len(n.Content) {
			if !last {
				return remove(n.Content[i], tokens[1:])
			}
			n.Content = slices.Delete(n.Content, i, i+1)
			return nil
		}
	}
	return fmt.Errorf("has no %q", token)
}

func setElement(n *yamlv3.Node, token string, rest []string, value *yamlv3.Node, add bool) error {
	i := len(n.Content)
	if token != "-" {
		var err error
		if i, err = strconv.Atoi(token); err != nil || i > len(n.Content) {
			return fmt.Errorf("has no element %q", token)
		}
	}
	switch {
	case len(rest) > 0 && i < len(n.Content):
		return set(n.Content[i], rest, value, add)
	case len(rest) > 0:
		return fmt.Errorf("has no element %q", token)
	case add:
		n.Content = append(n.Content[:i:i], append([]*yamlv3.Node{value}, n.Content[i:]...)...)
	default:
		n.Content[i] = value
	}
	if value.Kind != yamlv3.ScalarNode { // a word goes into a list as it is written
		n.Style = 0
	}
	return nil
}
