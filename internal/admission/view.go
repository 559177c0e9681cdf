// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"errors"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pillion-dev/pillion/internal/inject"
)

// DecodePod decodes the view of a pod from its JSON. Like the API server's own decoder
// it is case-sensitive; unlike encoding/json it refuses duplicate keys and invalid
// UTF-8, which two readers could take for two different pods.
func DecodePod(raw []byte) (*inject.Pod, error) {
	var pod inject.Pod
	if err := jsonv2.Unmarshal(raw, &pod); err != nil {
		return nil, fmt.Errorf("decoding the pod: %w", withoutValue(err))
	}
	if err := fillRaw(raw, &pod); err != nil {
		return nil, fmt.Errorf("decoding the pod's reserved names: %w", withoutValue(err))
	}
	return &pod, nil
}

// fillRaw keeps the whole JSON of what bears a reserved name. Most pods have none, and
// are not read a second time.
func fillRaw(raw []byte, pod *inject.Pod) error {
	if !hasReserved(pod) {
		return nil
	}
	var all struct {
		Spec struct {
			InitContainers []jsontext.Value `json:"initContainers"`
			Volumes        []jsontext.Value `json:"volumes"`
		} `json:"spec"`
	}
	if err := jsonv2.Unmarshal(raw, &all); err != nil {
		return err
	}
	for i := range pod.Spec.InitContainers {
		if c := &pod.Spec.InitContainers[i]; inject.Reserved(c.Name) {
			c.Raw = json.RawMessage(all.Spec.InitContainers[i])
		}
	}
	for i := range pod.Spec.Volumes {
		if v := &pod.Spec.Volumes[i]; inject.Reserved(v.Name) {
			v.Raw = json.RawMessage(all.Spec.Volumes[i])
		}
	}
	return nil
}

func hasReserved(pod *inject.Pod) bool {
	for i := range pod.Spec.InitContainers {
		if inject.Reserved(pod.Spec.InitContainers[i].Name) {
			return true
		}
	}
	for i := range pod.Spec.Volumes {
		if inject.Reserved(pod.Spec.Volumes[i].Name) {
			return true
		}
	}
	return false
}

// withoutValue is a decoding error that says where and what was expected, and leaves
// out what was found: it goes into logs, and what was found may be a secret.
func withoutValue(err error) error {
	var wrong *jsonv2.SemanticError
	if !errors.As(err, &wrong) || wrong.GoType == nil {
		return err
	}
	return fmt.Errorf("%s: expected a %s, got %s", wrong.JSONPointer, wrong.GoType.Kind(), kinds[wrong.JSONKind])
}

// kinds names the kinds of JSON values for an error text.
var kinds = map[jsontext.Kind]string{
	'n': "null", 't': "a boolean (a text has to be quoted)", 'f': "a boolean (a text has to be quoted)",
	'"': "a string", '0': "a number (a text has to be quoted)", '{': "an object", '[': "a list",
}
