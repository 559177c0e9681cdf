// SPDX-License-Identifier: Apache-2.0

package admission

import "sync"

// memory is what a review needs that is as long as its pod. It is used again, since most
// of what a review costs the garbage collector is these few pieces. It belongs to one
// review at a time: whoever has it gives it back when the answer is written, and keeps
// no part of it.
type memory struct{ body, patched, answer []byte }

var memories = sync.Pool{New: func() any { return new(memory) }}

// usual is a size of reviews in bytes that nearly all pods stay below. Larger ones are
// decided on one after the other, so that a few callers with the largest pods take the
// memory for one of them, and one processor.
const usual = 256 << 10

// release gives the memory back, unless a pod of unusual size has made it large.
func (m *memory) release() {
	if cap(m.body)+cap(m.patched)+cap(m.answer) <= usual {
		memories.Put(m)
	}
}
