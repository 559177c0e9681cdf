// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"container/list"
	"io"
)

// bases are the contents that deltas build upon, as far as they fit into some memory.
// Those that were of no use for longest make room. The memory is in chunks that are used
// again and again: contents of all sizes fit into them, and the collector gets nothing.
type bases struct {
	order list.List // of *base, the last used in front
	at    map[int32]*list.Element
	free  []*chunk
	left  int // how many more chunks there may be
}

// chunkSize is what the shortest content takes, in bytes. Larger chunks waste more of the
// memory on small files, smaller ones more on the lists of chunks.
const chunkSize = 256

type chunk [chunkSize]byte

// base is scratch in memory, as large as it was said to become.
type base struct {
	object int32
	chunks []*chunk
	size   int64 // of what is written
}

func newBases(limit int) *bases {
	return &bases{at: map[int32]*list.Element{}, left: limit / chunkSize}
}

// get finds a content. It stays as it is until the room after the next: two contents fit.
func (b *bases) get(object int32) (*base, bool) {
	e, ok := b.at[object]
	if !ok {
		return nil, false
	}
	b.order.MoveToFront(e)
	return e.Value.(*base), true //nolint:errcheck // there is nothing else in it
}

// put keeps a content, which must not be there yet.
func (b *bases) put(object int32, content *base) {
	content.object = object
	b.at[object] = b.order.PushFront(content)
}

// room makes room for a content of a size. What was used last stays.
func (b *bases) room(size int64) *base {
	need := int((size + chunkSize - 1) / chunkSize)
	for len(b.free)+b.left < need && b.order.Len() > 1 {
		old := b.order.Remove(b.order.Back()).(*base) //nolint:errcheck // there is nothing else in it
		delete(b.at, old.object)
		b.free = append(b.free, old.chunks...)
	}
	for ; len(b.free) < need; b.left-- {
		b.free = append(b.free, new(chunk))
	}
	taken := make([]*chunk, need)
	copy(taken, b.free[len(b.free)-need:])
	b.free = b.free[:len(b.free)-need]
	return &base{chunks: taken}
}

// Write fails if the content becomes larger than there is room for.
func (b *base) Write(data []byte) (written int, err error) {
	for len(data) > 0 {
		at := b.size / chunkSize
		if at == int64(len(b.chunks)) {
			return written, io.ErrShortBuffer
		}
		n := copy(b.chunks[at][b.size%chunkSize:], data)
		data, b.size, written = data[n:], b.size+int64(n), written+n
	}
	return written, nil
}

func (b *base) ReadAt(data []byte, offset int64) (read int, err error) {
	for read < len(data) && offset < b.size {
		at := offset / chunkSize
		n := copy(data[read:], b.chunks[at][offset%chunkSize:min(chunkSize, b.size-at*chunkSize)])
		read, offset = read+n, offset+int64(n)
	}
	if read < len(data) {
		return read, io.EOF
	}
	return read, nil
}

// Close does nothing: the memory goes to others when it is needed.
func (*base) Close() error { return nil }
