// SPDX-License-Identifier: Apache-2.0

// Package yamlstrict decodes a YAML or JSON file into a Go type and reports every mistake of
// form at once, each with its line and path: unknown fields with the nearest known one, fields
// that are there twice, values of a wrong type, and fields with nothing behind them.
package yamlstrict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// Lines says on which line of a file the value at a path stands.
type Lines map[string]int

// Wrap puts the line of its field, or of the nearest field around it, in front of an error.
func (l Lines) Wrap(err *field.Error) error {
	at := err.Field
	for at != "" {
		if line := l[at]; line > 0 {
			return fmt.Errorf("line %d: %w", line, err)
		}
		at = at[:max(0, strings.LastIndexAny(at, ".["))]
	}
	return err
}

// Document reads the one document of a file. "multiple" ends the sentence on a file that has
// several.
func Document(data []byte, multiple string) (*yamlv3.Node, error) {
	var documents []*yamlv3.Node
	for decoder := yamlv3.NewDecoder(bytes.NewReader(data)); ; {
		var node yamlv3.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("is not YAML: %w", Unreadable(data, err))
		}
		if node.Kind == yamlv3.DocumentNode && len(node.Content) > 0 && node.Content[0].Tag != "!!null" {
			documents = append(documents, &node)
			if line := templated(&node); line > 0 {
				return nil, fmt.Errorf("line %d: is not YAML: %s", line, template)
			}
		}
	}
	switch len(documents) {
	case 0:
		return nil, errors.New("is empty")
	case 1:
		return documents[0], nil
	}
	return nil, errors.New("has more than one YAML document; " + multiple)
}

// Unreadable says of a text that is not YAML, and why, whether it is a template of Helm that nobody
// has rendered.
func Unreadable(text []byte, err error) error {
	if bytes.Contains(text, []byte("{{")) {
		return fmt.Errorf("%w; %s", err, template)
	}
	return err
}

const template = "this is a Helm template: render it, and give the output: helm template CHART | kubectl pillion … -f -"

// templated is the line of a value that a template would fill in, {{ .Values.name }}: to YAML it is
// a mapping whose key is a mapping. It is 0 if there is none.
func templated(n *yamlv3.Node) int {
	for i, child := range n.Content {
		if n.Kind == yamlv3.MappingNode && i%2 == 0 && child.Kind == yamlv3.MappingNode {
			return child.Line
		}
		if line := templated(child); line > 0 {
			return line
		}
	}
	return 0
}

// Decode decodes a document into the value that a pointer points at. A type with an
// UnmarshalJSON of its own takes a scalar, as a string that is what the file says letter for
// letter ("no" is no boolean, and 0644 no other number); if it is a struct, a mapping of its
// fields as well.
func Decode(document *yamlv3.Node, into any) (Lines, []error) {
	c := checker{lines: Lines{}}
	value := c.check(root(document), reflect.TypeOf(into).Elem(), nil)
	if len(c.errs) > 0 {
		return c.lines, c.errs
	}
	asJSON, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(asJSON, into)
	}
	if err != nil {
		return c.lines, []error{err}
	}
	return c.lines, nil
}

// root is the value of a document.
func root(document *yamlv3.Node) *yamlv3.Node {
	if document.Kind == yamlv3.DocumentNode {
		return document.Content[0]
	}
	return document
}

// maxNodes bounds what aliases can make of a file.
const maxNodes = 200_000

type checker struct {
	lines Lines
	errs  []error
	nodes int // that were visited
}

func (c *checker) wrong(n *yamlv3.Node, at *field.Path, format string, args ...any) {
	where := fmt.Sprintf("line %d: ", n.Line)
	if at != nil {
		where += at.String() + ": "
	}
	c.errs = append(c.errs, errors.New(where+fmt.Sprintf(format, args...)))
}

// tooMany counts a value that is visited. What is beyond the bound is told once.
func (c *checker) tooMany(n *yamlv3.Node, at *field.Path) bool {
	if c.nodes++; c.nodes == maxNodes+1 {
		c.wrong(n, at, "with all that its aliases stand for, the file has more than %d values", maxNodes)
	}
	return c.nodes > maxNodes
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// check compares a value of the file with the type that it is decoded into, and returns it as
// what json.Marshal writes for that type.
func (c *checker) check(n *yamlv3.Node, t reflect.Type, at *field.Path) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for n.Kind == yamlv3.AliasNode {
		n = n.Alias
	}
	if c.tooMany(n, at) {
		return nil
	}
	if at != nil && c.lines[at.String()] == 0 {
		c.lines[at.String()] = n.Line
	}
	own := reflect.PointerTo(t).Implements(unmarshaler)
	switch {
	case n.ShortTag() == "!!null":
		c.wrong(n, at, "is empty; write a value, or remove it")
	case own && n.Kind == yamlv3.ScalarNode && t.Kind() != reflect.Slice && decodes(n.Value, t):
		return n.Value
	case t.Kind() == reflect.Struct && n.Kind == yamlv3.MappingNode:
		return c.fields(n, t, at)
	case t.Kind() == reflect.Map && n.Kind == yamlv3.MappingNode:
		values := map[string]any{}
		c.keys(n, at, func(key string, name, value *yamlv3.Node) {
			c.lines[at.Key(key).String()] = name.Line
			values[key] = c.check(value, t.Elem(), at.Key(key))
		})
		return values
	case t.Kind() == reflect.Slice && n.Kind == yamlv3.SequenceNode:
		values := []any{}
		for i, item := range n.Content {
			values = append(values, c.check(item, t.Elem(), at.Index(i)))
		}
		return values
	case n.Kind == yamlv3.ScalarNode && !own:
		if value, fits := scalar(n, t); fits {
			return value
		}
		fallthrough
	default:
		c.wrong(n, at, "expected %s, got %s", expected(t, own), got(n, t))
	}
	return nil
}

func (c *checker) keys(n *yamlv3.Node, at *field.Path, visit func(key string, name, value *yamlv3.Node)) {
	seen := map[string]int{}
	var merged []*yamlv3.Node
	for i := 0; i+1 < len(n.Content) && c.nodes <= maxNodes; i += 2 {
		key := n.Content[i].Value
		if n.Content[i].ShortTag() == "!!merge" {
			merged = append(merged, n.Content[i+1])
			continue
		}
		if first := seen[key]; first > 0 {
			c.wrong(n.Content[i], at, "has %q twice, on line %d as well", key, first)
			continue
		}
		seen[key] = n.Content[i].Line
		visit(key, n.Content[i], n.Content[i+1])
	}
	c.merge(merged, at, seen, visit)
}

// merge visits the members of mappings that are merged into one, but for those that it has itself.
func (c *checker) merge(merged []*yamlv3.Node, at *field.Path, seen map[string]int, visit func(key string, name, value *yamlv3.Node)) {
	for _, from := range merged {
		if c.tooMany(from, at) {
			return
		}
		for from.Kind == yamlv3.AliasNode {
			from = from.Alias
		}
		if from.Kind == yamlv3.SequenceNode {
			c.merge(from.Content, at, seen, visit)
			continue
		}
		var inner []*yamlv3.Node
		for i := 0; i+1 < len(from.Content); i += 2 {
			name := from.Content[i]
			if name.ShortTag() == "!!merge" {
				inner = append(inner, from.Content[i+1])
			} else if seen[name.Value] == 0 {
				seen[name.Value] = name.Line
				visit(name.Value, name, from.Content[i+1])
			}
		}
		c.merge(inner, at, seen, visit)
	}
}

func (c *checker) fields(n *yamlv3.Node, t reflect.Type, at *field.Path) map[string]any {
	types, values := map[string]reflect.Type{}, map[string]any{}
	names := fieldsOf(t, types)
	c.keys(n, at, func(key string, name, value *yamlv3.Node) {
		of := types[key]
		if of == nil {
			hint := nearmiss.DidYouMean(nearmiss.Nearest(key, names))
			if hint == "" {
				hint = "; the fields are " + strings.Join(names, ", ")
			}
			c.wrong(name, at, "unknown field %q%s", key, hint)
			return
		}
		c.lines[at.Child(key).String()] = name.Line
		values[key] = c.check(value, of, at.Child(key))
	})
	return values
}

// fieldsOf are the names of a struct's fields, in their order, those of embedded structs among them.
func fieldsOf(t reflect.Type, types map[string]reflect.Type) (names []string) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "" && f.Anonymous:
			names = append(names, fieldsOf(f.Type, types)...)
		case name != "" && name != "-":
			types[name], names = f.Type, append(names, name)
		}
	}
	return names
}

// scalar is a value of the file as one of a type; fits is false if it is of another.
func scalar(n *yamlv3.Node, t reflect.Type) (value any, fits bool) {
	switch tag := n.ShortTag(); t.Kind() {
	case reflect.String:
		return n.Value, tag == "!!str"
	case reflect.Bool:
		var b bool
		return &b, tag == "!!bool" && n.Decode(&b) == nil
	case reflect.Int32, reflect.Int64:
		var number int64
		fits = tag == "!!int" && n.Decode(&number) == nil
		return number, fits && (t.Kind() == reflect.Int64 || int64(int32(number)) == number)
	}
	return nil, false
}

func expected(t reflect.Type, own bool) string {
	if t.Name() == "Quantity" {
		return "a quantity, such as 100m or 64Mi"
	}
	switch t.Kind() {
	case reflect.Struct:
		if own {
			return "a scalar or a mapping"
		}
		return "a mapping"
	case reflect.Map:
		return "a mapping"
	case reflect.Slice:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "a whole number"
	}
	return "a string"
}

func got(n *yamlv3.Node, t reflect.Type) string {
	switch n.Kind {
	case yamlv3.MappingNode:
		return "a mapping"
	case yamlv3.SequenceNode:
		return "a list"
	}
	text := map[string]string{"!!str": "a string", "!!int": "a number", "!!float": "a number", "!!bool": "a boolean"}[n.ShortTag()]
	if text == "" {
		text = "a scalar"
	}
	const limit = 64
	value := n.Value[:min(len(n.Value), limit)]
	if t.Kind() == reflect.String {
		return fmt.Sprintf("%s, %s; put it into quotes", text, value)
	}
	return fmt.Sprintf("%s, %q", text, value)
}
