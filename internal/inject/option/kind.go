// SPDX-License-Identifier: Apache-2.0

package option

import (
	"fmt"
	"strings"
)

// Kind says what values an option takes: how they are read, compared, allowed and shown.
// A kind is a value. Those that several helpers use are here, one in each file; the others
// stand beside the helper that uses them.
type Kind struct {
	// Name is the kind for the reference and for error messages, such as "duration".
	Name string
	// Parse reads a string that [PlainText] has let through. The error completes the sentence
	// "the value …" and says what would be right.
	Parse func(text string) (Value, error)
	// Choices are the words of a kind that takes one of a few.
	Choices []string
	// Ordered kinds have a [Value.Number], which a policy may bound with min and max.
	Ordered bool
	// NamesContainers is set if values name containers of one pod.
	NamesContainers bool
	// Pattern reads an entry of a policy's allow list, which is compared with each element of
	// a value. Without it an entry is a value, or a pattern in which "*" stands for any text.
	Pattern func(text string) (Pattern, error)
	// Redact is what error messages may repeat of a value that did not parse. Without it that is
	// all of it, unless it looks like a URL.
	Redact func(text string) string
	// Unlisted is what the answer to a value that no entry of an allow list matches should say
	// besides; "" for nothing.
	Unlisted func(v Value) string
}

// Read reads any text as a value of the kind.
func (k *Kind) Read(text string) (Value, error) {
	if err := PlainText(text); err != nil {
		return Value{}, err
	}
	return k.Parse(text)
}

// Shown is a value as an error message may repeat it.
func (k *Kind) Shown(value string) string {
	switch {
	case k.Redact != nil:
		value = k.Redact(value)
	case strings.Contains(value, "://"):
		value = WithoutCredentials(value)
	}
	const limit = 128
	if len(value) > limit {
		value = strings.ToValidUTF8(value[:limit], "") + fmt.Sprintf("… (%d bytes)", len(value))
	}
	return value
}
