// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"gomodules.xyz/jsonpatch/v2"

	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// Apply applies operations to a document in one pass over its bytes, and appends the
// result to out. What no operation touches is copied byte for byte.
//
// It knows the patches that [Patch] makes and denies any other: values that are set
// in objects, appended to arrays, inserted at the front of arrays at rising indexes,
// and elements that are replaced before anything is inserted. A list that an operation
// makes is not the target of a later one. The tests hold it against the library that
// the API server applies patches with; for the path that every pod waits for, that
// library reads and writes the document once for each operation.
func Apply(out, document []byte, ops []jsonpatch.Operation) ([]byte, error) {
	root := &edit{}
	size := len(document)
	for i := range ops {
		if err := root.add(&ops[i]); err != nil {
			return nil, fmt.Errorf("%s %s: %w", ops[i].Operation, ops[i].Path, err)
		}
		size += len(ops[i].Path) + len(raw(&ops[i])) + 8
	}
	s := &splicer{in: document, out: slices.Grow(out, size), dec: jsonscan.New(document)}
	defer s.dec.Release()
	if err := s.value(root); err != nil {
		return nil, err
	}
	return s.out, nil
}

// edit is what happens to one value of a document: it is set as a whole, or something
// happens inside it.
type edit struct {
	name string               // of the member, or the index of the element, that the value is
	op   *jsonpatch.Operation // the first that led here, for errors
	set  []byte               // the whole value, if not nil
	must bool                 // the value has to be there already (replace)
	done bool

	members []edit   // of an object or an array, in the order of the operations
	front   [][]byte // inserted before all elements of an array
	back    [][]byte // appended to an array
}

// child is the edit of a member or an element; good until the next one is asked for.
func (e *edit) child(name string, op *jsonpatch.Operation) *edit {
	for i := range e.members {
		if e.members[i].name == name {
			return &e.members[i]
		}
	}
	e.members = append(e.members, edit{name: name, op: op})
	return &e.members[len(e.members)-1]
}

// add files an operation under its pointer.
func (e *edit) add(op *jsonpatch.Operation) error {
	path, err := jsonscan.Tokens(op.Path)
	if err != nil {
		return err
	}
	last := path[len(path)-1]
	for _, token := range path[:len(path)-1] {
		if e = e.child(token, op); e.set != nil {
			return errors.New("lies in a value that an operation before it has set")
		}
	}
	index, isIndex := elementIndex(last)
	switch {
	case op.Operation == "add" && last == "-":
		e.back = append(e.back, raw(op))
	case op.Operation == "add" && isIndex:
		if index != len(e.front) {
			return errors.New("only the front of a list is inserted at, in rising order")
		}
		e.front = append(e.front, raw(op))
	case op.Operation == "replace" && len(e.front) > 0:
		return errors.New("goes by an index that an insertion before it has moved")
	case op.Operation == "add" || op.Operation == "replace":
		at := e.child(last, op)
		at.set, at.must = raw(op), op.Operation == "replace"
	default:
		return errors.New("is not an operation of Pillion")
	}
	return nil
}

// elementIndex reads the index of an element of an array. "01" is a name, not an index.
func elementIndex(token string) (index int, ok bool) {
	if strings.Trim(token, "-0123456789") != "" { // or Atoi would make an error of each name
		return 0, false
	}
	index, err := strconv.Atoi(token)
	return index, err == nil && strconv.Itoa(index) == token
}

// asObject takes what add had to take for insertions into a list: in an object "0" and
// "-" are names like any other.
func (e *edit) asObject() {
	for i, value := range e.front {
		e.members = append(e.members, edit{name: strconv.Itoa(i), set: value})
	}
	if n := len(e.back); n > 0 {
		e.members = append(e.members, edit{name: "-", set: e.back[n-1]})
	}
	e.front, e.back = nil, nil
}

// splicer copies a document from in to out. Everything before the offset done of the
// input has been copied.
type splicer struct {
	in, out []byte
	dec     *jsonscan.Decoder
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
	return fmt.Errorf("%s: goes into what is neither an object nor a list", words(e.op))
}

// replace skips the value that comes next and writes another one.
func (s *splicer) replace(value []byte) error {
	if err := jsonscan.Skip(s.dec); err != nil {
		return err
	}
	s.flushTo(jsonscan.Start(s.in, s.done))
	s.out = append(s.out, value...)
	s.done = s.dec.InputOffset()
	return nil
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
		case m.set == nil || m.must:
			return fmt.Errorf("%s: there is no %q", words(m.op), m.name)
		case !empty:
			s.out = append(s.out, ',')
		}
		empty = false
		name, err := jsontext.AppendQuote(nil, m.name)
		if err != nil {
			return err
		}
		s.out = append(append(append(s.out, name...), ':'), m.set...)
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
	if i := slices.IndexFunc(e.members, func(m edit) bool { return !m.done }); i >= 0 {
		return fmt.Errorf("%s: there is no element %q", words(e.members[i].op), e.members[i].name)
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
			return s.value(m)
		}
	}
	return jsonscan.Skip(s.dec)
}
