// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"

	"sigs.k8s.io/yaml"
)

// printYAML writes the documents as they were read, with only the additions added:
// order and comments stay. Where that cannot be done the plain form is written.
func printYAML(out io.Writer, documents []*document) error {
	var all bytes.Buffer
	for i, d := range documents {
		if i > 0 {
			all.WriteString("---\n")
		}
		text, err := d.yaml()
		if err != nil {
			return err
		}
		all.Write(bytes.TrimLeft(text, "\n"))
		if !bytes.HasSuffix(text, []byte("\n")) {
			all.WriteByte('\n')
		}
	}
	_, err := out.Write(all.Bytes())
	return err
}

func (d *document) yaml() ([]byte, error) {
	if bytes.HasPrefix(bytes.TrimSpace(d.text), []byte("{")) { // JSON, or YAML on one line
		return yaml.JSONToYAML(d.json)
	}
	if len(d.patches) == 0 {
		return bytes.TrimPrefix(d.text, []byte("---\n")), nil
	}
	// The proof of the edited text is that it reads as the JSON that was decided on.
	if text, err := patchYAML(d.text, d.patches); err == nil && sameAsJSON(text, d.json) {
		return text, nil
	}
	return yaml.JSONToYAML(d.json)
}

func sameAsJSON(text, want []byte) bool {
	got, err := yaml.YAMLToJSON(text)
	if err != nil {
		return false
	}
	var a, b any
	return json.Unmarshal(got, &a) == nil && json.Unmarshal(want, &b) == nil && reflect.DeepEqual(a, b)
}

// printJSON writes one object as it is and several as a List, as kubectl does.
func printJSON(out io.Writer, documents []*document) error {
	var all []json.RawMessage
	for _, d := range documents {
		all = append(all, d.json)
	}
	var value any = all[0]
	if len(all) > 1 {
		value = map[string]any{"apiVersion": "v1", "kind": "List", "items": all}
	}
	return writeJSON(out, value)
}
