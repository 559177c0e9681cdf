// SPDX-License-Identifier: Apache-2.0

package admission

// memory is what a review needs that is as long as its pod. It is used again, since most
// of what a review costs the garbage collector is these few pieces. It belongs to one
// review at a time: whoever has it gives it back when the answer is written, and keeps
// no part of it.
type memory struct {
	body, patched, answer []byte
	key                   []byte // of a pod's view
	again                 bool   // one of memories
}

// memories are few: a review that does not arrive whole, or whose answer nobody reads, keeps what
// it has got for as long as it may last. If there is none left, a review has one of its own.
var memories = func() chan *memory {
	const several = 16
	all := make(chan *memory, several)
	for range several {
		all <- &memory{again: true}
	}
	return all
}()

func newMemory() *memory {
	select {
	case m := <-memories:
		return m
	default:
		return &memory{}
	}
}

// usual is a size of reviews in bytes that nearly all pods stay below. Larger ones are
// decided on one after the other, so that a few callers with the largest pods take the
// memory for one of them, and one processor.
const usual = 256 << 10

func (m *memory) size() int { return cap(m.body) + cap(m.patched) + cap(m.answer) + cap(m.key) }

// answered lets go of all but the answer, if it is large: that may be waited for.
func (m *memory) answered() {
	if m.size() > usual {
		m.body, m.patched, m.key = nil, nil, nil
	}
}

// release gives the memory back, without what a pod of unusual size has made large.
func (m *memory) release() {
	if !m.again {
		return
	}
	if m.size() > usual {
		*m = memory{again: true}
	}
	memories <- m
}
