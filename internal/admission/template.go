// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"k8s.io/apimachinery/pkg/util/validation/field"
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
func (t Template) Path() *field.Path { return fieldPath(t.tokens) }

func fieldPath(tokens []string) *field.Path {
	var path *field.Path
	for _, token := range tokens {
		switch i, err := strconv.Atoi(token); {
		case err == nil:
			path = path.Index(i)
		case strings.ContainsAny(token, "./"): // an annotation's key, not a field
			path = path.Key(token)
		default:
			path = path.Child(token)
		}
	}
	return path
}

// pointer is the JSON pointer of the pod in its document.
func (t Template) pointer() string { return pointer(t.tokens...) }

// find returns the JSON of the pod in a document.
func (t Template) find(document []byte) ([]byte, error) {
	value := jsontext.Value(document)
	for i, token := range t.tokens {
		next, err := child(value, token)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", fieldPath(t.tokens[:i+1]), withoutValue(err))
		}
		value = next
	}
	return value, nil
}

var errAbsent = errors.New("it is absent")

// child reads one member of an object or one element of an array.
func child(value jsontext.Value, token string) (jsontext.Value, error) {
	if value.Kind() == '[' {
		var list []jsontext.Value
		if err := jsonv2.Unmarshal(value, &list); err != nil {
			return nil, err
		}
		if i, err := strconv.Atoi(token); err == nil && i < len(list) {
			return list[i], nil
		}
		return nil, errAbsent
	}
	var object map[string]jsontext.Value
	if err := jsonv2.Unmarshal(value, &object); err != nil {
		return nil, err
	}
	if object[token] == nil {
		return nil, errAbsent
	}
	return object[token], nil
}
