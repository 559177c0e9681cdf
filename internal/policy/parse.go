// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
	"github.com/pillion-dev/pillion/internal/nearmiss"
	"github.com/pillion-dev/pillion/internal/yamlstrict"
)

// Builtin is the policy in force when no file is given.
func Builtin() *inject.Policy {
	p, err := Defaults{}.Builtin()
	if err != nil {
		panic(fmt.Sprintf("the built-in policy: %v", err)) // a test compiles it
	}
	return p
}

// Builtin is [Builtin] with these defaults. The error is about them.
func (d Defaults) Builtin() (*inject.Policy, error) {
	return d.compile(builtin(helpers.Builtin()), helpers.Builtin())
}

// ParseWith reads a policy of helpers that are known.
func ParseWith(data []byte, known *helper.Set) (*inject.Policy, error) {
	return Defaults{}.parse(data, known)
}

// Parse reads a policy of the built-in helpers from YAML or JSON.
func Parse(data []byte) (*inject.Policy, error) { return ParseWith(data, helpers.Builtin()) }

func (d Defaults) parse(data []byte, known *helper.Set) (*inject.Policy, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("is %d bytes long; the limit is %d", len(data), maxFile)
	}
	document, err := yamlstrict.Document(data, "put each policy into a file of its own")
	if err != nil {
		return nil, err
	}
	if err := emptyFields(document); err != nil {
		return nil, err
	}
	asJSON, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return nil, fmt.Errorf("is not a policy: %w", err)
	}
	var p InjectionPolicy
	// Case-sensitive, unlike encoding/json: "Helpers" beside "helpers" must not be merged.
	strict, err := kjson.UnmarshalStrict(asJSON, &p)
	wrong := (*json.UnmarshalTypeError)(nil)
	if (errors.As(err, &wrong) || len(strict) > 0) && p.Kind != "" && p.Kind != Kind {
		// Something else has other fields; they are not what is wrong.
		return nil, field.NotSupported(field.NewPath("kind"), p.Kind, []string{Kind})
	}
	if wrong != nil {
		return nil, wrongType(wrong)
	}
	if err != nil {
		return nil, fmt.Errorf("is not a policy: %w", err)
	}
	if len(strict) > 0 {
		return nil, unknownFields(data, strict)
	}
	return d.compile(&p, known)
}

// wrongType says in a file's words what the decoder says in Go's.
func wrongType(err *json.UnmarshalTypeError) error {
	got := err.Value
	if word, _, _ := strings.Cut(err.Value, " "); jsonKinds[word] != "" { // "number 5.5"
		got = jsonKinds[word] + strings.TrimPrefix(err.Value, word)
	}
	switch err.Type.Kind() {
	case reflect.String:
		if strings.HasPrefix(err.Value, "array") || strings.HasPrefix(err.Value, "object") {
			return fmt.Errorf("%s: expected a string, got %s", err.Field, got)
		}
		return fmt.Errorf("%s: expected a string, got %s; put it into quotes", err.Field, got)
	case reflect.Bool:
		return fmt.Errorf("%s: expected true or false, got %s", err.Field, got)
	case reflect.Int64:
		return fmt.Errorf("%s: expected a whole number, got %s", err.Field, got)
	case reflect.Slice:
		return fmt.Errorf("%s: expected a list, got %s", err.Field, got)
	}
	return fmt.Errorf("%s: expected a mapping, got %s", err.Field, got)
}

// jsonKinds are the words of a YAML file for what the decoder names in those of JSON.
var jsonKinds = map[string]string{
	"array": "a list", "object": "a mapping", "string": "a string", "number": "a number", "bool": "a boolean",
}

// compile fills in defaults, validates and compiles. All mistakes are in the error.
func (d Defaults) compile(p *InjectionPolicy, known *helper.Set) (*inject.Policy, error) {
	withDefaults(p, known, d)
	out, errs := validate(p, known)
	if len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	canonical, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("writing the canonical form: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Spec.Helpers)) {
		canonical = append(canonical, known.Find(name).Digest...)
	}
	sum := sha256.Sum256(canonical)
	out.Hash = "sha256:" + hex.EncodeToString(sum[:6])
	return out, nil
}

var unknownFieldText = regexp.MustCompile(`unknown field "([^"]+)"`)

// unknownFields adds the line and the nearest field to each of the decoder's errors.
func unknownFields(data []byte, errs []error) error {
	names := fieldNames(reflect.TypeFor[InjectionPolicy](), map[reflect.Type]bool{})
	var out []error
	for _, err := range errs {
		m := unknownFieldText.FindStringSubmatch(err.Error())
		if m == nil { // a field that is there twice
			out = append(out, err)
			continue
		}
		name := m[1][strings.LastIndexByte(m[1], '.')+1:]
		hint := ""
		if near := nearmiss.Nearest(name, names); near != "" && near != name {
			hint = fmt.Sprintf("; did you mean %q?", near)
		}
		out = append(out, fmt.Errorf("%sunknown field %q%s", lineOf(data, name), m[1], hint))
	}
	return errors.Join(out...)
}

// lineOf is where a key stands first, for an error message.
func lineOf(data []byte, key string) string {
	for i, line := range slices.Collect(bytes.Lines(data)) {
		if k, _, found := strings.Cut(strings.TrimLeft(string(line), " -{\""), ":"); found && strings.Trim(k, `" `) == key {
			return fmt.Sprintf("line %d: ", i+1)
		}
	}
	return ""
}

// fieldNames lists the JSON names of all fields of a policy file.
func fieldNames(t reflect.Type, seen map[reflect.Type]bool) []string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return fieldNames(t.Elem(), seen)
	case reflect.Struct:
	default:
		return nil
	}
	if seen[t] {
		return nil
	}
	seen[t] = true
	var names []string
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
		names = append(names, fieldNames(f.Type, seen)...)
	}
	return names
}

// maxFile bounds the size of a policy file in bytes; a ConfigMap holds no more.
const maxFile = 1 << 20
