// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

// contentOf is different for each object.
func contentOf(object int32, size int) []byte {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(object), byte(object >> 8)}).Read(data)
	return data
}

func TestBasesThatAreOfUseStay(t *testing.T) {
	t.Parallel()
	const size, limit = 16 * chunkSize, 64 * chunkSize
	b := newBases(limit)
	fill := func(object int32, size int) {
		content := b.room(int64(size))
		if n, err := content.Write(contentOf(object, size)); n != size || err != nil {
			t.Fatalf("content %d: %d bytes are written: %v", object, n, err)
		}
		b.put(object, content)
	}
	for object := range int32(20) {
		fill(object, size-int(object)%2) // the last chunk need not be full
		if _, ok := b.get(0); !ok {
			t.Errorf("after %d contents: the one that is always used is gone", object)
		}
	}
	for object := range int32(20) {
		want := contentOf(object, size-int(object)%2)
		content, ok := b.get(object)
		if ok != (object == 0 || object > 16) {
			t.Errorf("content %d: it is there: %v", object, ok)
		}
		if ok {
			if got, err := io.ReadAll(io.NewSectionReader(content, 0, 2*size)); !bytes.Equal(got, want) || err != nil {
				t.Errorf("content %d is not what it was (%v)", object, err)
			}
		}
	}
	fill(100, size*3) // all but the one that was used last make room
	if _, ok := b.get(19); !ok || len(b.at) != 2 {
		t.Errorf("the content before the last is there: %v; contents: %d", ok, len(b.at))
	}
	chunks := len(b.free) + b.left
	for e := b.order.Front(); e != nil; e = e.Next() {
		chunks += len(e.Value.(*base).chunks)
	}
	if chunks != limit/chunkSize || b.order.Len() != len(b.at) {
		t.Errorf("%d chunks for a limit of %d; %d contents, of which %d are listed", chunks, limit/chunkSize, len(b.at), b.order.Len())
	}
}

func TestABaseTakesAsMuchAsThereIsRoomFor(t *testing.T) {
	t.Parallel()
	b := newBases(8 * chunkSize).room(2*chunkSize - 1)
	if n, err := b.Write(make([]byte, 3*chunkSize)); n != 2*chunkSize || !errors.Is(err, io.ErrShortBuffer) {
		t.Errorf("%d bytes are written (%v), want two chunks and %v", n, err, io.ErrShortBuffer)
	}
	if n, err := newBases(chunkSize).room(0).ReadAt(make([]byte, 1), 0); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("of nothing %d bytes are read (%v)", n, err)
	}
}
