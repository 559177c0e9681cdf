// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"errors"
	"fmt"
	"reflect"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"k8s.io/apimachinery/pkg/api/resource"
)

// WithoutValue is a decoding error that says where and what was expected, and leaves
// out what was found: it goes into logs, and what was found may be a secret.
func WithoutValue(err error) error {
	var wrong *jsonv2.SemanticError
	if !errors.As(err, &wrong) || wrong.GoType == nil {
		return err
	}
	where := "the document"
	if at, _ := Tokens(string(wrong.JSONPointer)); at != nil {
		where = ShownField(FieldPath(at).String())
	}
	if wrong.GoType == reflect.TypeFor[resource.Quantity]() {
		return fmt.Errorf("%s: expected a quantity, such as 500m or 64Mi", where)
	}
	return fmt.Errorf("%s: expected %s, got %s", where, goKinds[wrong.GoType.Kind()], jsonKinds[wrong.JSONKind])
}

// goKinds and jsonKinds name what was expected and what was found for an error message.
var (
	goKinds = map[reflect.Kind]string{
		reflect.Struct: "an object", reflect.Map: "an object", reflect.Pointer: "an object", reflect.Slice: "a list",
		reflect.String: "a string", reflect.Bool: "a boolean",
	}
	jsonKinds = map[jsontext.Kind]string{
		'n': "null", 't': "a boolean (a string must be quoted)", 'f': "a boolean (a string must be quoted)",
		'"': "a string", '0': "a number (a string must be quoted)", '{': "an object", '[': "a list",
	}
)
