// SPDX-License-Identifier: Apache-2.0

package yamlstrict

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// WrongType is a value that does not decode into the type that its field has.
type WrongType struct {
	Path  *field.Path
	Value any // as encoding/json decodes it, with [json.Number]; nil for null
	// Set puts a string in its place, where a string belongs; else it is nil.
	Set func(text string)
	// Drop takes it out of what it is a member of; nil if that is no mapping.
	Drop func()
	// InMap says that it is a member of a map of strings, such as annotations.
	InMap bool

	expected string
}

// Scalar reports whether the value is a number or a boolean, which quotes make a string.
func (w *WrongType) Scalar() bool {
	switch w.Value.(type) {
	case bool, json.Number:
		return true
	}
	return false
}

// Text says what is wrong and what would be right. written is the value as its file has it.
func (w *WrongType) Text(written string) string {
	got := map[reflect.Kind]string{reflect.Map: "a mapping", reflect.Slice: "a list"}[reflect.ValueOf(w.Value).Kind()]
	switch w.Value.(type) {
	case nil:
		return "expected " + w.expected + ", got nothing (null)"
	case bool:
		got = "the boolean " + shortened(written)
	case json.Number:
		got = "the number " + shortened(written)
	case string:
		got = fmt.Sprintf("the string %q", shortened(written))
	}
	return "expected " + w.expected + ", got " + got
}

func shortened(text string) string { return jsonscan.Shortened(text, 64) }

// WrongTypes finds all values below a value that do not decode into a type of Kubernetes, in the
// order of their paths. Unlike [Decode] it passes over fields that the type does not have, which
// may be newer than the type, and takes null for a field that is not there, as Kubernetes does; in
// a map of strings null is found, and means "" to Kubernetes.
func WrongTypes(value any, t reflect.Type, at *field.Path) []WrongType {
	var f wrongTypes
	f.walk(value, t, at, &member{})
	return f.found
}

type wrongTypes struct{ found []WrongType }

// walk compares one value; in is what it is a member of, if it is a member of something.
func (f *wrongTypes) walk(value any, t reflect.Type, at *field.Path, in *member) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	fits := true
	switch v := value.(type) {
	case nil:
		fits = !in.ofMap || t.Kind() != reflect.String
	case map[string]any:
		switch {
		case reflect.PointerTo(t).Implements(unmarshaler):
			fits = decodes(value, t)
		case t.Kind() == reflect.Map:
			f.members(v, t, at)
		case t.Kind() == reflect.Struct:
			f.structure(v, t, at)
		default:
			fits = t.Kind() == reflect.Interface
		}
	case []any:
		switch {
		case reflect.PointerTo(t).Implements(unmarshaler):
			fits = decodes(value, t)
		case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
			for i, item := range v {
				f.walk(item, t.Elem(), at.Index(i), &member{})
			}
		default:
			fits = t.Kind() == reflect.Interface
		}
	default:
		fits = t.Kind() == reflect.Interface || decodes(value, t)
	}
	if fits {
		return
	}
	wrong := WrongType{Path: at, Value: value, expected: kubernetesWord(t)}
	if in.mapping != nil {
		wrong.Drop = func() { delete(in.mapping, in.name) }
	}
	if t.Kind() == reflect.String && in.mapping != nil {
		wrong.InMap, wrong.Set = in.ofMap, func(text string) { in.mapping[in.name] = text }
	}
	f.found = append(f.found, wrong)
}

// member is where a value is in a mapping.
type member struct {
	mapping map[string]any
	name    string
	ofMap   bool // of a map type, in which names are free
}

func (f *wrongTypes) members(v map[string]any, t reflect.Type, at *field.Path) {
	for _, key := range slices.Sorted(maps.Keys(v)) {
		f.walk(v[key], t.Elem(), at.Key(key), &member{v, key, true})
	}
}

func (f *wrongTypes) structure(v map[string]any, t reflect.Type, at *field.Path) {
	for of := range t.Fields() {
		name, options, _ := strings.Cut(of.Tag.Get("json"), ",")
		switch value, has := v[name]; {
		case name == "" && (of.Anonymous || strings.Contains(options, "inline")):
			f.walk(v, of.Type, at, &member{})
		case has:
			f.walk(value, of.Type, at.Child(name), &member{v, name, false})
		}
	}
}

// decodes reports whether one value, for its own, decodes into a type.
func decodes(value any, t reflect.Type) bool {
	raw, err := json.Marshal(value)
	return err == nil && json.Unmarshal(raw, reflect.New(t).Interface()) == nil
}

// kubernetesWord is what to expect of a type: its own word if it is one that decodes itself.
func kubernetesWord(t reflect.Type) string {
	words := map[string]string{
		"IntOrString": "a whole number or a string",
		"Time":        "a time, such as 2026-11-30T12:00:00Z", "MicroTime": "a time, such as 2026-11-30T12:00:00.000000Z",
	}
	if word := words[t.Name()]; word != "" {
		return word
	}
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
		return "a string"
	}
	return expected(t, false)
}
