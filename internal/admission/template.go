// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// Template is where a document holds its pod: nowhere deeper for a Pod, at
// spec.template for a Deployment.
type Template struct{ tokens []string }

// TemplateOf tells where an object of a kind holds its pod template; ok is false if
// the kind has none.
func TemplateOf(kind string) (t Template, ok bool) {
	switch kind {
	case "Pod":
		return Template{}, true
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job":
		return Template{[]string{"spec", "template"}}, true
	case "CronJob":
		return Template{[]string{"spec", "jobTemplate", "spec", "template"}}, true
	}
	return Template{}, false
}

// In is the same place in an object that lies deeper in its document, such as the
// item of a List at "items", "3".
func (t Template) In(tokens ...string) Template {
	return Template{append(slices.Clip(tokens), t.tokens...)}
}

// Path is the field path of the pod in its document; nil for a Pod.
func (t Template) Path() *field.Path { return jsonscan.FieldPath(t.tokens) }

// Tokens are the names and indexes that lead to the pod in its document.
func (t Template) Tokens() []string { return t.tokens }

// pointer is the JSON pointer of the pod in its document.
func (t Template) pointer() string { return jsonscan.Pointer(t.tokens...) }

// find returns the JSON of the pod in a document.
func (t Template) find(document []byte) ([]byte, error) {
	value := jsontext.Value(document)
	for i, token := range t.tokens {
		next, err := jsonscan.Child(value, token)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", jsonscan.FieldPath(t.tokens[:i+1]), jsonscan.WithoutValue(err))
		}
		value = next
	}
	return value, nil
}
