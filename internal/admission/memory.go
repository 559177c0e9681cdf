// SPDX-License-Identifier: Apache-2.0

package admission

import "sync"

// memory is what a review needs that is as long as its pod. It is used again, since most
// of what a review costs the garbage collector is these few pieces. It belongs to one
// review at a time: whoever has it gives it back when the answer is written, and keeps
// no part of it.
type memory struct{ body, patched, answer []byte }

var memories = sync.Pool{New: func() any { return new(memory) }}

// release gives the memory back, unless a pod of unusual size has made it large.
func (m *memory) release() {
	const most = 256 << 10
	if cap(m.body)+cap(m.patched)+cap(m.answer) <= most {
		memories.Put(m)
	}
}
