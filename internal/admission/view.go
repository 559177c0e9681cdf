// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject"
)

// DecodePod decodes the view of a pod from its JSON. Like the API server's own decoder
// it is case-sensitive; unlike encoding/json it refuses invalid UTF-8. The view shares
// memory with raw.
func DecodePod(raw []byte) (*inject.Pod, error) {
	var pod inject.Pod
	v := viewers.Get().(*viewer) //nolint:errcheck // the pool holds nothing else
	defer viewers.Put(v)
	v.document = raw
	defer func() { v.document = nil }()
	if err := jsonv2.Unmarshal(raw, &pod, v.options); err != nil {
		return nil, fmt.Errorf("decoding the pod: %w", withoutValue(err))
	}
	if pod.Metadata.Annotations == nil { // of what the API server sends, only what a policy adds to
		metadata, err := child(raw, "metadata")
		pod.Metadata.Absent = errors.Is(err, errAbsent) || err == nil && metadata.Kind() == 'n'
	}
	return &pod, nil
}

// viewer holds the options of one decoding: containers and volumes are decoded as any
// other value, and those with a reserved name keep their JSON as well. It is used again
// because the decoder prepares a set of functions once for each set.
type viewer struct {
	document []byte
	options  jsonv2.Options
}

var viewers = sync.Pool{New: func() any {
	type container inject.Container // without the functions below, which would call themselves
	type volume inject.Volume
	v := &viewer{}
	v.options = jsonv2.JoinOptions(lax, jsonv2.WithUnmarshalers(jsonv2.JoinUnmarshalers(
		jsonv2.UnmarshalFromFunc(func(dec *jsontext.Decoder, c *inject.Container) error {
			start := dec.InputOffset()
			err := jsonv2.UnmarshalDecode(dec, (*container)(c))
			if inject.Reserved(c.Name) {
				c.Raw = v.since(start, dec)
			}
			return err
		}),
		jsonv2.UnmarshalFromFunc(func(dec *jsontext.Decoder, vol *inject.Volume) error {
			start := dec.InputOffset()
			err := jsonv2.UnmarshalDecode(dec, (*volume)(vol))
			if inject.Reserved(vol.Name) {
				vol.Raw = v.since(start, dec)
			}
			return err
		}),
	)))
	return v
}}

// since is the value that the decoder has just read, having stood at start before.
func (v *viewer) since(start int64, dec *jsontext.Decoder) json.RawMessage {
	return json.RawMessage(v.document[valueStart(v.document, start):dec.InputOffset()])
}

// withoutValue is a decoding error that says where and what was expected, and leaves
// out what was found: it goes into logs, and what was found may be a secret.
func withoutValue(err error) error {
	var wrong *jsonv2.SemanticError
	if !errors.As(err, &wrong) || wrong.GoType == nil {
		return err
	}
	where := "the document"
	if at, _ := tokens(string(wrong.JSONPointer)); at != nil {
		where = fieldPath(at).String()
	}
	if wrong.GoType == reflect.TypeFor[resource.Quantity]() {
		return fmt.Errorf("%s: expected a quantity, such as 500m or 64Mi", where)
	}
	return fmt.Errorf("%s: expected %s, got %s", where, goKinds[wrong.GoType.Kind()], jsonKinds[wrong.JSONKind])
}

// goKinds and jsonKinds name what was expected and what was found for an error text.
var (
	goKinds = map[reflect.Kind]string{
		reflect.Struct: "an object", reflect.Map: "an object", reflect.Pointer: "an object", reflect.Slice: "a list",
		reflect.String: "a text", reflect.Bool: "a boolean",
	}
	jsonKinds = map[jsontext.Kind]string{
		'n': "null", 't': "a boolean (a text has to be quoted)", 'f': "a boolean (a text has to be quoted)",
		'"': "a text", '0': "a number (a text has to be quoted)", '{': "an object", '[': "a list",
	}
)
