// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// values reads a values.yaml.
func values(t *testing.T, text string) (value, error) {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	return readValue("", document.Content[0], "")
}

const someValues = `# About the file.

# How many.
# @schema {minimum: 1}
replicas: 2

image:
  # Of what
  # it is.
  name: ""
  # @schema {type: [string, "null"]}
  # Its tag | its digest.
  tag: v1
# The policies.
policies: {}
# The helpers.
helpers: {}
# Names.
names: [a, b]
# It.
on: true
# What is asked for.
# @schema {properties: {cpu: {type: string}}, additionalProperties: false}
resources: {cpu: 1}
`

func TestTheSchemaIsThatOfTheDefaultsAndWhatCommentsAdd(t *testing.T) {
	t.Parallel()
	top, err := values(t, someValues)
	if err != nil {
		t.Fatal(err)
	}
	text, err := valuesSchema(top, []byte(`{"properties": {"spec": {"type": "object", "title": "a policy"}}}`), []byte(`{"properties": {"spec": {"type": "object", "title": "a helper"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	type object = map[string]any
	want := object{
		"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values of the chart pillion",
		"type": "object", "additionalProperties": false,
		"properties": object{
			"replicas": object{"type": "integer", "description": "How many.", "minimum": 1.0},
			"image": object{"type": "object", "additionalProperties": false, "properties": object{
				"name": object{"type": "string", "description": "Of what it is."},
				"tag":  object{"type": []any{"string", "null"}, "description": "Its tag | its digest."},
			}},
			"policies": object{
				"type": "object", "description": "The policies.", "additionalProperties": false,
				"patternProperties": object{labelPattern: object{"type": "object", "title": "a policy"}},
			},
			"helpers": object{
				"type": "object", "description": "The helpers.", "additionalProperties": false,
				"patternProperties": object{labelPattern: object{"type": "object", "title": "a helper"}},
			},
			"names": object{"type": "array", "description": "Names."},
			"on":    object{"type": "boolean", "description": "It."},
			"resources": object{
				"type": "object", "description": "What is asked for.", "additionalProperties": false,
				"properties": object{"cpu": object{"type": "string"}},
			},
			"global": object{"type": "object"}, "enabled": object{"type": "boolean"},
		},
	}
	var got object
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheTableHasARowForEachValueThatCanBeSet(t *testing.T) {
	t.Parallel()
	top, err := values(t, someValues)
	if err != nil {
		t.Fatal(err)
	}
	const want = "| value | default | meaning |\n|---|---|---|\n" +
		"| `replicas` | `2` | How many. |\n" +
		"| `image.name` | `\"\"` | Of what it is. |\n" +
		"| `image.tag` | `v1` | Its tag \\| its digest. |\n" +
		"| `policies` | `{}` | The policies. |\n" +
		"| `helpers` | `{}` | The helpers. |\n" +
		"| `names` | `[a, b]` | Names. |\n" +
		"| `on` | `true` | It. |\n" +
		"| `resources` | `{cpu: 1}` | What is asked for. |\n"
	if diff := cmp.Diff(want, valuesTable(top)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMistakesInValuesAreErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a: 1":                                 "a: has no comment above it; say what it is for",
		"a:\n  # Fine.\n  b: 1\n  c: 1":        "a.c: has no comment above it; say what it is for",
		"# It.\n# @schema {type: [}\na: 1":     "a: @schema: yaml: ",
		"# @schema {type: integer}\na: {b: 1}": "a.b: has no comment above it; say what it is for",
	} {
		if _, err := values(t, text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}

// The files in the repository are those that "make generate" writes.
func TestTheChartHasTheFilesThatAreGenerated(t *testing.T) {
	t.Parallel()
	policies, err := policySchema(root)
	if err != nil {
		t.Fatal(err)
	}
	definitions, err := helperSchema(root)
	if err != nil {
		t.Fatal(err)
	}
	want, err := chartFiles(root, policies, definitions)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(root, "charts", "pillion", name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(text, string(got)); diff != "" {
			t.Errorf("%s differs; make generate writes it (-want +got):\n%s", name, diff)
		}
	}
	if strings.Contains(want["README.md"], "<!-- values -->") {
		t.Error("the README has no table of values")
	}
}
