// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// structOf reads the members of an object; those that are not of the view have to be skipped.
func structOf[T any](v *viewer, value *T, member func(name []byte) error) error {
	if v.dec.PeekKind() != '{' {
		return v.any(value)
	}
	return jsonscan.EachMember(v.dec, member)
}

// list reads the elements of a list. One that is there and empty is not nil.
func list[T any](v *viewer, value *[]T, element func(*T) error) error {
	if v.dec.PeekKind() != '[' {
		return v.any(value)
	}
	if _, err := v.dec.ReadToken(); err != nil {
		return err
	}
	elements := []T{}
	size := int(reflect.TypeFor[T]().Size())
	for v.dec.PeekKind() != ']' {
		var zero T
		if err := v.spend(size); err != nil {
			return err
		}
		if len(elements) == cap(elements) { // append would copy a long list again at every quarter more
			elements = slices.Grow(elements, max(1, len(elements)))
		}
		elements = append(elements, zero)
		if err := element(&elements[len(elements)-1]); err != nil {
			return err
		}
	}
	*value = elements
	_, err := v.dec.ReadToken()
	return err
}

// table reads an object whose names are not known beforehand.
func table[M ~map[K]T, K ~string, T any](v *viewer, value *M, element func() (T, error)) error {
	if v.dec.PeekKind() != '{' {
		return v.any(value)
	}
	if *value == nil {
		*value = M{}
	}
	size := 2 * int(reflect.TypeFor[K]().Size()+reflect.TypeFor[T]().Size())
	return jsonscan.EachMember(v.dec, func(name []byte) (err error) {
		if err := v.spend(size); err != nil {
			return err
		}
		key := K(v.keep(name))
		(*value)[key], err = element()
		return err
	})
}

// string reads a string into a field.
func (v *viewer) string(value *string) (err error) {
	*value, err = v.text()
	return err
}

// text reads a string.
func (v *viewer) text() (string, error) {
	if v.dec.PeekKind() != '"' {
		var other string
		err := v.any(&other)
		return other, err
	}
	raw, err := v.dec.ReadValue()
	if err != nil {
		return "", err
	}
	plain := []byte(raw[1 : len(raw)-1])
	if bytes.IndexByte(plain, '\\') >= 0 {
		plain, err = jsontext.AppendUnquote(nil, raw)
	}
	return v.keep(plain), err
}

// quantity reads a quantity as its own UnmarshalJSON does, which copies it first.
func (v *viewer) quantity() (resource.Quantity, error) {
	raw, err := v.dec.ReadValue()
	if err != nil || raw.Kind() == 'n' {
		return resource.Quantity{}, err
	}
	if raw.Kind() == '"' {
		raw = raw[1 : len(raw)-1]
	}
	q, err := resource.ParseQuantity(v.keep(bytes.TrimSpace(raw)))
	if err != nil {
		return q, &jsonv2.SemanticError{JSONPointer: v.dec.StackPointer(), GoType: reflect.TypeFor[resource.Quantity](), Err: err}
	}
	return q, nil
}

// presence reads what matters only in being there.
func (v *viewer) presence(value **struct{}) error {
	if v.dec.PeekKind() != '{' {
		return v.any(value)
	}
	*value = &struct{}{}
	return v.skip()
}

// raw keeps the JSON of what is read when somebody asks for it.
func (v *viewer) raw(value *jsontext.Value) error {
	read, err := v.dec.ReadValue()
	if err != nil {
		return err
	}
	end := v.dec.InputOffset()
	*value = jsontext.Value(v.document[end-int64(len(read)) : end])
	return nil
}

// flag reads a boolean.
func (v *viewer) flag(value *bool) error {
	kind := v.dec.PeekKind()
	if kind != 't' && kind != 'f' {
		return v.any(value)
	}
	*value = kind == 't'
	return jsonscan.Skip(v.dec)
}

// any reads what is rare in pods, or is not what it should be.
func (v *viewer) any(value any) error {
	// A list of empty objects takes 24 times its length, as ports do.
	const unusual, times = 16 << 10, 24
	if kind := v.dec.PeekKind(); len(v.document) > unusual && (kind == '[' || kind == '{') {
		ahead := jsonscan.New(v.document[jsonscan.Start(v.document, v.dec.InputOffset()):])
		raw, _ := ahead.ReadValue() // what is wrong with it, is said below
		ahead.Release()
		if err := v.spend(times * len(raw)); err != nil {
			return err
		}
	}
	return jsonv2.UnmarshalDecode(&v.dec.Decoder, value)
}

// MaxView is what the lists and tables of a view may take, in bytes. A pod with 256
// containers and 100 mounts in each takes 3 MiB; one of 3 MiB that is written for it, with
// a million empty containers, would take half a GiB.
const MaxView = 8 << 20

// spend takes memory for an element that is about to be read.
func (v *viewer) spend(bytes int) error {
	if v.spent += bytes; v.spent > MaxView {
		return fmt.Errorf("its lists have more elements than are read, up to byte %d; write a smaller pod", v.dec.InputOffset())
	}
	return nil
}

// keep makes a string of bytes of the document. All of them share a few pieces of memory.
func (v *viewer) keep(text []byte) string {
	if v.texts.Cap()-v.texts.Len() < len(text) {
		v.texts = strings.Builder{} // its texts are in use, and would be copied
		v.texts.Grow(max(len(text), 1<<10))
	}
	at := v.texts.Len()
	v.texts.Write(text)
	return v.texts.String()[at:]
}
