// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bytes"
	"testing"
)

func TestBasesThatAreOfUseStay(t *testing.T) {
	t.Parallel()
	const size = 64 << 10
	b := newBases(4 * size)
	fill := func(object int32) {
		content := b.buffer(size)
		for range size {
			content = append(content, byte(object))
		}
		b.put(object, content)
	}
	for object := range int32(20) {
		fill(object)
		if _, ok := b.get(0); !ok {
			t.Errorf("after %d contents: the one that is always used is gone", object)
		}
	}
	if b.used > b.limit || b.order.Len() != len(b.at) {
		t.Errorf("%d bytes are used, with a limit of %d, for %d contents, of which %d are listed", b.used, b.limit, b.order.Len(), len(b.at))
	}
	for object := range int32(20) {
		want := bytes.Repeat([]byte{byte(object)}, size)
		if got, ok := b.get(object); ok != (object == 0 || object > 16) || ok && !bytes.Equal(*got, want) {
			t.Errorf("content %d: there %v, or it is not what it was", object, ok)
		}
	}
	b.put(100, make(memory, size*10)) // two stay, however large
	fill(101)
	if _, ok := b.get(100); !ok {
		t.Errorf("the content before the last is gone")
	}
}
