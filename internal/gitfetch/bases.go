// SPDX-License-Identifier: Apache-2.0

package gitfetch

import "container/list"

// bases are the contents that deltas build upon, as far as they fit into some memory.
// Those that were of no use for longest make room, and give their memory to the next.
type bases struct {
	limit, used int
	order       list.List // of *base, the last used in front
	at          map[int32]*list.Element
	spare       []byte
}

type base struct {
	object  int32
	content memory
}

func newBases(limit int) *bases { return &bases{limit: limit, at: map[int32]*list.Element{}} }

func (b *bases) get(object int32) (*memory, bool) {
	e, ok := b.at[object]
	if !ok {
		return nil, false
	}
	b.order.MoveToFront(e)
	return &e.Value.(*base).content, true //nolint:errcheck // there is nothing else in it
}

// put keeps a content that is not there yet. What is returned by get stays as it is
// until the put after the next: two contents fit.
func (b *bases) put(object int32, content memory) {
	b.used += cap(content)
	b.at[object] = b.order.PushFront(&base{object, content})
	for b.used > b.limit && b.order.Len() > 2 {
		old := b.order.Remove(b.order.Back()).(*base) //nolint:errcheck // there is nothing else in it
		delete(b.at, old.object)
		b.used -= cap(old.content)
		if cap(old.content) > cap(b.spare) {
			b.spare = old.content
		}
	}
}

// buffer is memory for a content. Used memory is worth it for large ones, and only if
// little of it is wasted.
func (b *bases) buffer(size int64) memory {
	const large = 32 << 10
	if spare := b.spare; size >= large && int64(cap(spare)) >= size && int64(cap(spare)) <= size+size/4 {
		b.spare = nil
		return memory(spare[:0])
	}
	return make(memory, 0, size)
}
