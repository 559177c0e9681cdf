// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bufio"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// maxVarint is the length of the longest size in a delta, in bytes.
const maxVarint = 9

// write writes the content of an object, unpacking the deltas that it consists of.
func (s *store) write(w io.Writer, i int32) error {
	if s.objects[i].base < 0 {
		return s.writeWhole(w, i)
	}
	base, err := s.base(s.objects[i].base)
	if err != nil {
		return err
	}
	return s.patch(w, base, i)
}

// writeWhole writes an object that is not stored as a delta.
func (s *store) writeWhole(w io.Writer, i int32) error {
	if s.objects[i].base == isPublished {
		return s.published.write(w, s.objects[i])
	}
	scanner := s.packs[s.objects[i].pack].scanner
	if _, err := scanner.SeekObjectHeader(s.objects[i].offset); err != nil {
		return err
	}
	n, _, err := scanner.NextObject(w)
	if err == nil && n != s.objects[i].size {
		err = packfile.ErrInflatedSizeMismatch
	}
	return err
}

func (s *store) patch(w io.Writer, base io.ReaderAt, i int32) error {
	scanner := s.packs[s.objects[i].pack].scanner
	if _, err := scanner.SeekObjectHeader(s.objects[i].offset); err != nil {
		return err
	}
	delta, err := scanner.ReadObject()
	if err != nil {
		return err
	}
	defer delta.Close()
	s.delta.Reset(delta)
	return applyDelta(w, base, s.objects[s.objects[i].base].size, s.delta, s.objects[i].size)
}

// base returns the content of an object for deltas to copy from. It is valid until the
// next call. It starts at the nearest base below that is at hand.
func (s *store) base(i int32) (io.ReaderAt, error) {
	var missing []int32
	var below scratch
	for ; ; i = s.objects[i].base {
		if below = s.cached(i); below != nil {
			break
		}
		missing = append(missing, i)
		if s.objects[i].base < 0 {
			break
		}
	}
	for _, i := range slices.Backward(missing) {
		content, err := s.newScratch(s.objects[i].size)
		if err != nil {
			return nil, err
		}
		if s.objects[i].base < 0 {
			err = s.writeWhole(content, i)
		} else {
			err = s.patch(content, below, i)
		}
		if err != nil {
			_ = content.Close()
			return nil, err
		}
		s.remember(i, content)
		below = content
	}
	return below, nil
}

func (s *store) cached(i int32) scratch {
	if i == s.largeOf {
		return s.large
	}
	if content, ok := s.cache.get(i); ok {
		return content
	}
	return nil
}

// remember puts a base into the cache. Of those on disk only the last is kept.
func (s *store) remember(i int32, content scratch) {
	if m, ok := content.(*base); ok {
		s.cache.put(i, m)
		return
	}
	if s.large != nil {
		_ = s.large.Close()
	}
	s.large, s.largeOf = content, i
}

func (s *store) newScratch(size int64) (scratch, error) {
	if size <= inMemory {
		return s.cache.room(size), nil
	}
	return scratchFile(s.root)
}

// scratchFile makes a file without a name: however the process ends, it is gone then.
func scratchFile(root *os.Root) (*os.File, error) {
	const name = "scratch"
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := root.Remove(name); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// applyDelta writes what a delta makes of its base (gitformat-pack(5), "Deltified
// representation"): a list of pieces, to be copied from the base or given as they are.
func applyDelta(w io.Writer, base io.ReaderAt, baseSize int64, delta *bufio.Reader, size int64) error {
	from, to, err := readDeltaSizes(delta)
	if err != nil {
		return err
	}
	if from != baseSize || to != size {
		return packfile.ErrInvalidDelta
	}
	for left := size; left > 0; {
		op, err := delta.ReadByte()
		if err != nil {
			return unexpected(err)
		}
		var piece io.Reader
		n := int64(op)
		switch {
		case op == 0:
			return packfile.ErrDeltaCmd
		case op < 0x80:
			piece = delta
		default:
			var offset int64
			if offset, n, err = readCopy(op, delta); err != nil {
				return err
			}
			if offset+n > baseSize {
				return packfile.ErrInvalidDelta
			}
			piece = io.NewSectionReader(base, offset, n)
		}
		if n > left {
			return packfile.ErrInvalidDelta
		}
		if err := copyN(w, piece, n); err != nil {
			return unexpected(err)
		}
		left -= n
	}
	if _, err := delta.ReadByte(); err != io.EOF {
		return packfile.ErrInvalidDelta
	}
	return nil
}

var copyBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// copyN is io.CopyN without a buffer of its own for each of a delta's many pieces.
func copyN(w io.Writer, r io.Reader, n int64) error {
	buffer := copyBuffers.Get().(*[32 << 10]byte) //nolint:errcheck // there is nothing else in it
	defer copyBuffers.Put(buffer)
	for n > 0 {
		read, err := io.ReadFull(r, buffer[:min(n, int64(len(buffer)))])
		if err != nil {
			return err
		}
		if _, err := w.Write(buffer[:read]); err != nil {
			return err
		}
		n -= int64(read)
	}
	return nil
}

// readCopy reads the arguments of a copy. The operation's bits say which of their
// bytes are there; the others are zero.
func readCopy(op byte, delta io.ByteReader) (offset, n int64, err error) {
	var value int64
	for bit := range 7 {
		if op&(1<<bit) == 0 {
			continue
		}
		b, err := delta.ReadByte()
		if err != nil {
			return 0, 0, unexpected(err)
		}
		value |= int64(b) << (8 * bit)
	}
	offset, n = value&0xffffffff, value>>32
	if n == 0 {
		n = 0x10000
	}
	return offset, n, nil
}

// readDeltaSizes reads a delta's head: the sizes of its base and of what it makes.
func readDeltaSizes(delta io.ByteReader) (from, to int64, err error) {
	if from, err = readVarint(delta); err == nil {
		to, err = readVarint(delta)
	}
	return from, to, err
}

func readVarint(r io.ByteReader) (int64, error) {
	var value int64
	for i := range maxVarint {
		b, err := r.ReadByte()
		if err != nil {
			return 0, unexpected(err)
		}
		value |= int64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return value, nil
		}
	}
	return 0, packfile.ErrLengthOverflow
}
