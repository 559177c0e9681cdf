// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// chartText is the README of the chart, but for its values.
//
//go:embed chart.md
var chartText string

// chartFiles are the generated files of charts/pillion, by their names in it, made from
// its values.yaml. policySchema is that of policy files, helperSchema that of definitions.
func chartFiles(root string, policySchema, helperSchema []byte) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(root, "charts/pillion/values.yaml"))
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("values.yaml: %w", err)
	}
	top, err := readValue("", document.Content[0], "")
	if err != nil {
		return nil, fmt.Errorf("values.yaml: %w", err)
	}
	schema, err := valuesSchema(top, policySchema, helperSchema)
	if err != nil {
		return nil, err
	}
	helpers, err := helperDefaults()
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"files/helpers.json": helpers,
		"README.md":          strings.Replace(chartText, "<!-- values -->\n", valuesTable(top), 1),
		"values.schema.json": schema,
	}, nil
}

// value is one key of values.yaml.
type value struct {
	path   string // from the root, such as image.tag
	doc    string // the comment above it, without what is for the schema
	schema map[string]any
	node   *yaml.Node
	under  []value // of a mapping that is not empty, which has no value of its own
}

// readValue reads a value and what is under it. A value without a comment is an error
// unless it is a mapping, which its keys explain.
func readValue(path string, node *yaml.Node, comment string) (value, error) {
	v := value{path: path, node: node, schema: map[string]any{}}
	var doc []string
	for line := range strings.Lines(comment) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "#"))
		if schema, found := strings.CutPrefix(line, "@schema "); found {
			if err := yaml.Unmarshal([]byte(schema), &v.schema); err != nil {
				return v, fmt.Errorf("%s: @schema: %w", path, err)
			}
			continue
		}
		doc = append(doc, line)
	}
	v.doc = strings.Join(doc, " ")
	_, closed := v.schema["properties"] // its keys are data, of which the defaults are some
	if node.Kind != yaml.MappingNode || len(node.Content) == 0 || closed {
		if v.doc == "" {
			return v, fmt.Errorf("%s: has no comment above it; say what it is for", path)
		}
		return v, nil
	}
	var errs []error
	for i := 0; i < len(node.Content); i += 2 {
		key := node.Content[i]
		under, err := readValue(strings.TrimPrefix(path+"."+key.Value, "."), node.Content[i+1], key.HeadComment)
		errs = append(errs, err)
		v.under = append(v.under, under)
	}
	return v, errors.Join(errs...)
}

// key is the last part of the path.
func (v *value) key() string { return v.path[strings.LastIndex(v.path, ".")+1:] }

// typed is the value's JSON schema. Its type is that of the default.
func (v *value) typed() map[string]any {
	s := map[string]any{}
	if v.doc != "" {
		s["description"] = v.doc
	}
	switch {
	case len(v.under) > 0:
		properties := map[string]any{}
		for i := range v.under {
			properties[v.under[i].key()] = v.under[i].typed()
		}
		s["type"], s["properties"], s["additionalProperties"] = "object", properties, false
	case v.node.Kind == yaml.MappingNode:
		s["type"] = "object"
	case v.node.Kind == yaml.SequenceNode:
		s["type"] = "array"
	case v.node.Tag == "!!int":
		s["type"] = "integer"
	case v.node.Tag == "!!bool":
		s["type"] = "boolean"
	default:
		s["type"] = "string"
	}
	maps.Copy(s, v.schema)
	return s
}

// valuesSchema is the JSON schema of all values: they and no others, so that a typo
// is rejected before anything in a cluster changes. Which names are taken, templates say: they
// have words for it.
func valuesSchema(top value, policySchema, helperSchema []byte) (string, error) {
	s := top.typed()
	s["$schema"], s["title"] = "http://json-schema.org/draft-07/schema#", "Values of the chart pillion"
	delete(s, "description")
	properties, _ := s["properties"].(map[string]any)
	// What Helm itself puts there for a chart that is part of another, with what all charts share.
	global, _ := properties["global"].(map[string]any)
	if global == nil {
		global = map[string]any{"type": "object"}
	}
	delete(global, "additionalProperties")
	properties["global"] = global
	properties["enabled"] = map[string]any{"type": "boolean"}
	for name, file := range map[string][]byte{"policies": policySchema, "helpers": helperSchema} {
		var of struct {
			Properties struct {
				Spec map[string]any `json:"spec"`
			} `json:"properties"`
		}
		if err := json.Unmarshal(file, &of); err != nil {
			return "", err
		}
		all, _ := properties[name].(map[string]any)
		if all == nil {
			return "", fmt.Errorf("values.yaml: there is no value %s", name)
		}
		all["patternProperties"], all["additionalProperties"] = map[string]any{labelPattern: of.Properties.Spec}, false
	}
	text, err := json.MarshalIndent(s, "", "  ")
	return string(text) + "\n", err
}

// valuesTable has a row for each value that can be set.
func valuesTable(top value) string {
	var out strings.Builder
	out.WriteString("| value | default | meaning |\n|---|---|---|\n")
	var rows func(v *value)
	rows = func(v *value) {
		for i := range v.under {
			rows(&v.under[i])
		}
		if len(v.under) == 0 {
			fmt.Fprintf(&out, "| `%s` | `%s` | %s |\n", v.path, flow(v.node), strings.ReplaceAll(v.doc, "|", `\|`))
		}
	}
	rows(&top)
	return out.String()
}

// flow is a default in one line.
func flow(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		var parts []string
		for i := 0; i < len(node.Content); i += 2 {
			parts = append(parts, node.Content[i].Value+": "+flow(node.Content[i+1]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case yaml.SequenceNode:
		var parts []string
		for _, item := range node.Content {
			parts = append(parts, flow(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		if node.Value == "" {
			return `""`
		}
		return node.Value
	}
}
