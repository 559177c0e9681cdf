// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Value is a parsed option value. Only its canonical form is ever used: what the
// user wrote is not passed on.
type Value struct {
	// Text is the canonical form: what goes into a container's arguments.
	Text string
	// List holds the elements of a value that is a list.
	List []string

	// Names are what a policy's patterns are compared with, if that is not the elements.
	Names []string
	// Number is what ordered kinds compare by: the number, nanoseconds or bytes.
	Number int64
	// Data is what the kind itself makes of the text, for the helpers that use the kind.
	Data any
}

// Bool reports whether a [Boolean] value is true.
func (v Value) Bool() bool { return v.Text == "true" }

// Duration is the length of a [Duration] value.
func (v Value) Duration() time.Duration { return time.Duration(v.Number) }

// Int is the number of an [Integer] value.
func (v Value) Int() int64 { return v.Number }

// Bytes is the number of bytes of a [Size] value.
func (v Value) Bytes() int64 { return v.Number }

// Pattern is one entry of a policy's allow list. It always covers the whole of a value, or
// of one element of a list.
type Pattern interface {
	Matches(v Value) bool
	String() string // as it is written
}

// MaxValue bounds the length of any value in bytes. The longest legitimate one is
// a URL, for which 2048 is what browsers and proxies agree on.
const MaxValue = 2048

// PlainText denies what no value of ours needs and what makes two readers see two
// different texts: control characters, zero-width and right-to-left marks,
// look-alike letters, stray line ends.
func PlainText(text string) error {
	switch {
	case text == "":
		return errors.New("must not be empty")
	case len(text) > MaxValue:
		return fmt.Errorf("is %d bytes long; the limit is %d", len(text), MaxValue)
	case strings.HasSuffix(text, "\n"):
		return errors.New(`ends with a line break, as a YAML block scalar ("|") adds it; write the value on one line`)
	case strings.TrimSpace(text) != text:
		return errors.New("must not begin or end with whitespace")
	}
	for i, r := range text {
		if r < 0x20 || r > 0x7e {
			return fmt.Errorf("has the character %U at position %d; only printable ASCII is allowed", r, i+1)
		}
	}
	return nil
}
