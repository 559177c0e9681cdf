// SPDX-License-Identifier: Apache-2.0

// Package jsonscan reads JSON documents in place, in one pass, and without knowing their
// whole form: what is passed over is not copied, and what is not needed is skipped.
package jsonscan

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// AllowDuplicates lets names be there twice. To find them the Decoder remembers every name of
// the document, which takes three times as long as reading it.
var AllowDuplicates = jsontext.AllowDuplicateNames(true)

// Decoder reads a document in place: what it reads is a part of the document, not a copy.
type Decoder struct {
	jsontext.Decoder
	in bytes.Buffer
}

// pool are used again, since each keeps the memory in which it counts what is open.
var pool = sync.Pool{New: func() any { return new(Decoder) }}

// New takes a Decoder, which is to be released.
func New(document []byte) *Decoder {
	dec := pool.Get().(*Decoder) //nolint:errcheck // the pool holds nothing else
	dec.in = *bytes.NewBuffer(document)
	dec.Reset(&dec.in, AllowDuplicates)
	return dec
}

// Release gives the memory of the decoder back. It must not be used any more.
func (d *Decoder) Release() {
	d.in = bytes.Buffer{}
	d.Reset(&d.in, AllowDuplicates) // it holds on to no document
	pool.Put(d)
}

// Start is where the value begins that follows an offset at which a decoder has
// stood: in between lie a colon, a comma or whitespace.
func Start(document []byte, offset int64) int64 {
	for int(offset) < len(document) && strings.IndexByte(" \t\r\n:,", document[offset]) >= 0 {
		offset++
	}
	return offset
}

// Skip passes over the value that comes next. To read it as one is faster than the
// Decoder's SkipValue, which reads it token by token.
func Skip(dec *Decoder) error {
	_, err := dec.ReadValue()
	return err
}

// String reads a string as [jsonv2.UnmarshalDecode] does, and leaves anything else to that.
func String[T ~string](dec *Decoder, field *T) error {
	if dec.PeekKind() != '"' {
		return jsonv2.UnmarshalDecode(&dec.Decoder, field)
	}
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if plain := value[1 : len(value)-1]; bytes.IndexByte(plain, '\\') < 0 {
		*field = T(plain)
		return nil
	}
	text, err := jsontext.AppendUnquote(nil, value)
	*field = T(text)
	return err
}

// Members reads an object, member by member: read has to take the value. A name that
// comes twice is rejected, since two readers could take it for two different reviews.
// Inside the values that are read, and inside the pod, the last one counts: to find them
// there costs more than all the rest, and the API server never writes one.
func Members(dec *Decoder, read func(name []byte) error) error {
	if kind := dec.PeekKind(); kind != '{' && kind != 0 { // 0: reading on says what is wrong
		return errors.New("it is not an object")
	}
	var seen nameSet
	return EachMember(dec, func(name []byte) error {
		if !seen.add(name) {
			return fmt.Errorf("%q is there twice", Shown(string(name)))
		}
		return read(name)
	})
}

// EachMember is Members of an object in which a name may come twice.
func EachMember(dec *Decoder, read func(name []byte) error) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for kind := dec.PeekKind(); kind != '}'; kind = dec.PeekKind() {
		if kind != '"' { // not a name, as the token by itself says
			if _, err := dec.ReadToken(); err != nil {
				return err
			}
		}
		name, err := dec.ReadValue()
		if err != nil {
			return err
		}
		if plain := name[1 : len(name)-1]; bytes.IndexByte(plain, '\\') < 0 {
			name = plain
		} else if name, err = jsontext.AppendUnquote(nil, name); err != nil {
			return err
		}
		if err := read(name); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// nameSet are the names that an object has had. A review has few, which are looked through
// one by one; only what nobody sends who means well has more.
type nameSet struct {
	few  [][]byte
	many map[string]bool
}

// add returns false for a name that is there already.
func (n *nameSet) add(name []byte) bool {
	const few = 24
	for _, have := range n.few {
		if bytes.Equal(have, name) {
			return false
		}
	}
	if len(n.few) < few {
		if n.few == nil {
			n.few = make([][]byte, 0, few)
		}
		n.few = append(n.few, name)
		return true
	}
	if n.many[string(name)] {
		return false
	}
	if n.many == nil {
		n.many = map[string]bool{}
	}
	n.many[string(name)] = true
	return true
}
