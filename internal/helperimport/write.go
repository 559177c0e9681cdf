// SPDX-License-Identifier: Apache-2.0

package helperimport

import (
	"bytes"
	"encoding/json"

	yamlv3 "go.yaml.in/yaml/v3"

	"github.com/pillion-dev/pillion/internal/inject/helpers/defined"
)

// Write writes a definition as YAML, with its fields in the order of the reference.
func Write(d *defined.Definition) ([]byte, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	var document yamlv3.Node
	if err := yamlv3.Unmarshal(raw, &document); err != nil { // JSON is YAML
		return nil, err
	}
	plain(&document)
	var out bytes.Buffer
	encoder := yamlv3.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&document); err != nil {
		return nil, err
	}
	return out.Bytes(), encoder.Close()
}

// plain takes JSON's style away.
func plain(n *yamlv3.Node) {
	n.Style = 0
	for _, under := range n.Content {
		plain(under)
	}
}
