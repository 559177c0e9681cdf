// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// splice applies operations to a document in one pass over its bytes. What no
// operation touches is copied byte for byte.
//
// It knows the patches that [Patch] makes and refuses any other: values that are set
// in objects, appended to arrays, inserted at the front of arrays at rising indexes,
// and elements that are replaced before anything is inserted. A list that an operation
// makes is not the target of a later one. The tests hold it against the library that
// the API server applies patches with; for the path that every pod waits for, that
// library reads and writes the document once for each operation.
func splice(document []byte, ops []Operation) ([]byte, error) {
	root := &edit{}
	size := len(document)
	for i := range ops {
		if err := root.add(&ops[i]); err != nil {
			return nil, fmt.Errorf("%s %s: %w", ops[i].Op, ops[i].Path, err)
		}
		size += len(ops[i].Path) + len(ops[i].Value) + 8
	}
	s := &splicer{in: document, out: make([]byte, 0, size), dec: jsontext.NewDecoder(bytes.NewBuffer(document), lax)}
	if err := s.value(root); err != nil {
		return nil, err
	}
	return s.out, nil
}

// lax lets names be there twice. To find them the decoder remembers every name of
// the document, which takes three times as long as reading it.
var lax = jsontext.AllowDuplicateNames(true)

// edit is what happens to one value of a document: it is set as a whole, or something
// happens inside it.
type edit struct {
	op   *Operation // the first that led here, for errors
	set  []byte     // the whole value, if not nil
	must bool       // the value has to be there already (replace)

	members []member // of an object or an array, in the order of the operations
	front   [][]byte // inserted before all elements of an array
	back    [][]byte // appended to an array
}

type member struct {
	name string
	edit *edit
	done bool
}

func (e *edit) child(name string, op *Operation) *edit {
	for i := range e.members {
		if e.members[i].name == name {
			return e.members[i].edit
		}
	}
	next := &edit{op: op}
	e.members = append(e.members, member{name: name, edit: next})
	return next
}

// add files an operation under its pointer.
func (e *edit) add(op *Operation) error {
	path, err := tokens(op.Path)
	if err != nil {
		return err
	}
	last := path[len(path)-1]
	for _, token := range path[:len(path)-1] {
		if e = e.child(token, op); e.set != nil {
			return errors.New("lies in a value that an operation before it has set")
		}
	}
	index, _ := strconv.Atoi(last)
	switch {
	case op.Op == "add" && last == "-":
		e.back = append(e.back, op.Value)
	case op.Op == "add" && strconv.Itoa(index) == last: // "01" is a name, not an index
		if index != len(e.front) {
			return errors.New("only the front of a list is inserted at, in rising order")
		}
		e.front = append(e.front, op.Value)
	case op.Op == "replace" && len(e.front) > 0:
		return errors.New("goes by an index that an insertion before it has moved")
	case op.Op == "add" || op.Op == "replace":
		at := e.child(last, op)
		at.set, at.must = op.Value, op.Op == "replace"
	default:
		return errors.New("is not an operation of Pillion")
	}
	return nil
}

// asObject takes what add had to take for insertions into a list: in an object "0" and
// "-" are names like any other.
func (e *edit) asObject() {
	for i, value := range e.front {
		e.members = append(e.members, member{name: strconv.Itoa(i), edit: &edit{set: value}})
	}
	if n := len(e.back); n > 0 {
		e.members = append(e.members, member{name: "-", edit: &edit{set: e.back[n-1]}})
	}
	e.front, e.back = nil, nil
}

// splicer copies a document from in to out. Everything before the offset done of the
// input has been copied.
type splicer struct {
	in, out []byte
	dec     *jsontext.Decoder
	done    int64
	name    []byte // of the member or element at hand; kept for its memory
}

// flush copies the input up to where the decoder stands.
func (s *splicer) flush() { s.flushTo(s.dec.InputOffset()) }

func (s *splicer) flushTo(offset int64) {
	s.out = append(s.out, s.in[s.done:offset]...)
	s.done = offset
}

// value edits the value that comes next.
func (s *splicer) value(e *edit) error {
	switch {
	case e.set != nil:
		return s.replace(e.set)
	case s.dec.PeekKind() == '{':
		return s.object(e)
	case s.dec.PeekKind() == '[':
		return s.array(e)
	}
	return fmt.Errorf("%s: goes into what is neither an object nor a list", e.op)
}

// replace skips the value that comes next and writes another one.
func (s *splicer) replace(value []byte) error {
	if err := s.dec.SkipValue(); err != nil {
		return err
	}
	s.flushTo(valueStart(s.in, s.done))
	s.out = append(s.out, value...)
	s.done = s.dec.InputOffset()
	return nil
}

// valueStart is where the value begins that follows an offset at which a decoder has
// stood: in between lie a colon, a comma or white space.
func valueStart(document []byte, offset int64) int64 {
	for int(offset) < len(document) && strings.IndexByte(" \t\r\n:,", document[offset]) >= 0 {
		offset++
	}
	return offset
}

func (s *splicer) object(e *edit) error {
	e.asObject()
	if _, err := s.dec.ReadToken(); err != nil {
		return err
	}
	empty := s.dec.PeekKind() == '}'
	for s.dec.PeekKind() != '}' {
		name, err := s.dec.ReadValue()
		if err != nil {
			return err
		}
		if name, err = jsontext.AppendUnquote(s.name[:0], name); err != nil {
			return err
		}
		s.name = name
		if err := s.next(e, name); err != nil {
			return err
		}
	}
	s.flush()
	for i := range e.members {
		m := &e.members[i]
		switch {
		case m.done:
			continue
		case m.edit.set == nil || m.edit.must:
			return fmt.Errorf("%s: there is no %q", m.edit.op, m.name)
		case !empty:
			s.out = append(s.out, ',')
		}
		empty = false
		name, err := jsontext.AppendQuote(nil, m.name)
		if err != nil {
			return err
		}
		s.out = append(append(append(s.out, name...), ':'), m.edit.set...)
	}
	_, err := s.dec.ReadToken()
	s.flush()
	return err
}

func (s *splicer) array(e *edit) error {
	if _, err := s.dec.ReadToken(); err != nil {
		return err
	}
	s.flush()
	empty := s.dec.PeekKind() == ']'
	s.out = append(s.out, bytes.Join(e.front, []byte(","))...)
	if len(e.front) > 0 && (!empty || len(e.back) > 0) {
		s.out = append(s.out, ',')
	}
	for i := 0; s.dec.PeekKind() != ']'; i++ {
		if err := s.next(e, strconv.AppendInt(s.name[:0], int64(i), 10)); err != nil {
			return err
		}
	}
	s.flush()
	if len(e.back) > 0 && !empty {
		s.out = append(s.out, ',')
	}
	s.out = append(s.out, bytes.Join(e.back, []byte(","))...)
	if i := slices.IndexFunc(e.members, func(m member) bool { return !m.done }); i >= 0 {
		return fmt.Errorf("%s: there is no element %q", e.members[i].edit.op, e.members[i].name)
	}
	_, err := s.dec.ReadToken()
	s.flush()
	return err
}

// next edits a member or an element if there is an edit for it, and skips it if not.
func (s *splicer) next(e *edit, name []byte) error {
	for i := range e.members {
		if m := &e.members[i]; m.name == string(name) {
			m.done = true
			s.flush()
			return s.value(m.edit)
		}
	}
	return s.dec.SkipValue()
}
