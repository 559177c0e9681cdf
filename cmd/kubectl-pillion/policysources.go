// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/helpers/defined"
	"github.com/pillion-dev/pillion/internal/nearmiss"
	"github.com/pillion-dev/pillion/internal/policy"
	"github.com/pillion-dev/pillion/internal/policytest"
)

// noKind is what a file is that says nothing of itself: values of a chart, for instance.
const noKind = "file without a kind"

// policiesIn finds the policies and helpers of a file by what it is: a file of one of them; values
// of the chart, which have them under policies and helpers; or manifests with a ConfigMap of such
// files, as the chart renders them. If there is none, what says what the file is.
func policiesIn(name string, data []byte) (files []policyFile, what string) {
	documents, ok := documentNodes(data)
	if !ok || slices.ContainsFunc(documents, meant) {
		return []policyFile{{File: policy.File{Name: name, Data: data}}}, ""
	}
	for _, d := range documents {
		kind := scalarOf(d, "kind")
		switch kind {
		case "ConfigMap":
			files = append(files, inConfigMap(name, valueOf(d, "data"))...)
		case "":
			files = append(files, inValues(name, d)...)
		}
		if what == "" {
			if what = kind; kind == "" {
				what = noKind
			}
		}
	}
	return files, what
}

// documentNodes are the values of the documents of a file that are not empty; ok is false if it is no
// YAML, or has none.
func documentNodes(data []byte) (all []*yamlv3.Node, ok bool) {
	for decoder := yamlv3.NewDecoder(bytes.NewReader(data)); ; {
		var node yamlv3.Node
		switch err := decoder.Decode(&node); {
		case errors.Is(err, io.EOF):
			return all, len(all) > 0
		case err != nil:
			return nil, false
		case node.Content[0].ShortTag() != "!!null":
			all = append(all, node.Content[0])
		}
	}
}

// meant reports whether a document is a policy or a helper, or may be meant as one.
func meant(d *yamlv3.Node) bool {
	kind := scalarOf(d, "kind")
	ours := []string{policy.Kind, defined.Kind}
	switch {
	case d.Kind != yamlv3.MappingNode, slices.Contains(ours, kind), nearmiss.Nearest(kind, ours) != "":
		return true
	case kind == "":
		return valueOf(d, "spec") != nil
	}
	return kind != policytest.Kind && strings.HasPrefix(scalarOf(d, "apiVersion"), helper.Domain+"/")
}

// inConfigMap are the policies and helpers in the data of a ConfigMap.
func inConfigMap(name string, data *yamlv3.Node) (files []policyFile) {
	each(data, func(key, value *yamlv3.Node) {
		if !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(key.Value)) {
			return
		}
		var document yamlv3.Node
		if yamlv3.Unmarshal([]byte(value.Value), &document) != nil || len(document.Content) == 0 || !meant(document.Content[0]) {
			return
		}
		literal := value.Style&yamlv3.LiteralStyle != 0 // else its lines are not those of the file
		move(&document, value.Line, literal)
		files = append(files, policyFile{File: policy.File{Name: name, Data: []byte(value.Value), Document: &document}})
	})
	return files
}

// move puts the nodes of a text behind a line of the file that it is in, or all on that line.
func move(n *yamlv3.Node, line int, literal bool) {
	if n.Line += line; !literal {
		n.Line = line
	}
	for _, child := range n.Content {
		move(child, line, literal)
	}
}

// inValues are the policies and helpers in values of the chart.
func inValues(name string, values *yamlv3.Node) (files []policyFile) {
	for field, kind := range map[string]string{"policies": policy.Kind, "helpers": defined.Kind} {
		each(valueOf(values, field), func(key, spec *yamlv3.Node) {
			text := func(value string) *yamlv3.Node {
				return &yamlv3.Node{Kind: yamlv3.ScalarNode, Tag: "!!str", Value: value, Line: key.Line, Column: key.Column}
			}
			mapping := func(content ...*yamlv3.Node) *yamlv3.Node {
				return &yamlv3.Node{Kind: yamlv3.MappingNode, Tag: "!!map", Content: content, Line: key.Line, Column: key.Column}
			}
			root := mapping(text("apiVersion"), text(policy.APIVersion), text("kind"), text(kind), text("metadata"), mapping(text("name"), text(key.Value)), text("spec"), spec)
			files = append(files, policyFile{at: field + "[" + key.Value + "]", image: scalarOf(values, "helperImage"), File: policy.File{
				Name: name, Data: rendered(root), Document: &yamlv3.Node{Kind: yamlv3.DocumentNode, Content: []*yamlv3.Node{root}},
			}})
		})
	}
	slices.SortStableFunc(files, func(a, b policyFile) int { return a.Document.Content[0].Line - b.Document.Content[0].Line })
	return files
}

// rendered is a policy or a helper as the chart renders it, by which its hash is that of the cluster.
func rendered(root *yamlv3.Node) []byte {
	text, err := yamlv3.Marshal(root)
	if err != nil {
		return nil
	}
	var value any
	if yaml.Unmarshal(text, &value) != nil {
		return nil
	}
	pretty, _ := json.MarshalIndent(value, "", "  ") // it was JSON before
	return append(pretty, '\n')
}

func each(mapping *yamlv3.Node, do func(key, value *yamlv3.Node)) {
	if mapping == nil || mapping.Kind != yamlv3.MappingNode {
		return
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		do(mapping.Content[i], mapping.Content[i+1])
	}
}

// valueOf is the value of a field of a mapping; nil if it has none.
func valueOf(mapping *yamlv3.Node, name string) *yamlv3.Node {
	found, _ := (&lines{mapping}).find([]string{name})
	return found
}

func scalarOf(mapping *yamlv3.Node, name string) string {
	if value := valueOf(mapping, name); value != nil && value.Kind == yamlv3.ScalarNode {
		return value.Value
	}
	return ""
}
