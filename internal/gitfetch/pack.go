// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

func newStore(root *os.Root, maxBytes int64) *store {
	return &store{
		root: root, maxBytes: maxBytes,
		byHash:  map[plumbing.Hash]int32{},
		cache:   newBases(cacheSize),
		delta:   bufio.NewReader(nil),
		largeOf: noBase,
	}
}

// add takes a pack off the wire, into a file, and indexes it. Its deltas may be to
// objects that are there already. After an error the store is of no use.
func (s *store) add(ctx context.Context, r io.Reader) error {
	file, err := scratchFile(s.root)
	if err != nil {
		return err
	}
	s.packs = append(s.packs, packOnDisk{file: file})
	out := &budgetWriter{w: file, budget: s.maxBytes, left: s.maxBytes}
	buffered := bufio.NewWriterSize(out, 64<<10)
	first := len(s.objects)
	waiting, err := s.scan(ctx, io.TeeReader(r, buffered))
	if err == nil {
		err = buffered.Flush()
	}
	s.received += s.maxBytes - out.left
	if out.err != nil {
		err = out.err
	}
	if err == nil {
		s.packs[len(s.packs)-1].scanner = packfile.NewScanner(file)
		err = s.resolve(ctx, first, waiting)
	}
	if err != nil {
		return malformed(err)
	}
	return nil
}

// malformed gives errors of the pack's syntax their reason.
func malformed(err error) error {
	if _, ok := errors.AsType[*failure](err); ok {
		return err
	}
	if _, ok := errors.AsType[syscall.Errno](err); ok {
		return err
	}
	return failf(BadServer, "the server's pack is damaged or ends early (%v)", err)
}

func (s *store) close() {
	for _, on := range s.packs {
		_ = on.file.Close()
	}
	if s.published != nil {
		_ = s.published.root.Close()
	}
	if s.large != nil {
		_ = s.large.Close()
	}
}

// scan indexes the objects as they come in. Those whose base is named by its hash, and
// those upon them, have to wait until all hashes are known: which, it returns.
func (s *store) scan(ctx context.Context, r io.Reader) (waiting map[int32]plumbing.Hash, err error) {
	scanner := packfile.NewScanner(r)
	_, count, err := scanner.Header()
	if err != nil {
		return nil, err
	}
	if count > maxObjects {
		return nil, failf(TooLarge, "the repository has %d objects, and %d can be handled; ask for less history with depth", count, maxObjects)
	}
	byOffset := make(map[int64]int32)
	waiting = make(map[int32]plumbing.Hash)
	first := int32(len(s.objects))
	for i := first; i < first+int32(count); i++ {
		if ctx.Err() != nil {
			return nil, timedOut(ctx)
		}
		header, err := scanner.NextObjectHeader()
		if err != nil {
			return nil, err
		}
		o := object{offset: header.Offset, size: header.Length, base: noBase, kind: header.Type, pack: uint16(len(s.packs) - 1)}
		switch header.Type {
		case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
			err = s.scanWhole(scanner, i, o)
		case plumbing.OFSDeltaObject:
			base, ok := byOffset[header.OffsetReference]
			if !ok {
				return nil, errThin
			}
			o.base = base
			o.size, err = s.scanDelta(scanner, header.Length)
		case plumbing.REFDeltaObject:
			o.base = pendingBase
			waiting[i] = header.Reference
			o.size, err = s.scanDelta(scanner, header.Length)
		default:
			return nil, packfile.ErrMalformedPackFile
		}
		if err != nil {
			return nil, err
		}
		if o.base != noBase {
			o.kind = plumbing.InvalidObject
		}
		byOffset[o.offset] = i
		s.objects = append(s.objects, o)
	}
	_, err = scanner.Checksum()
	return waiting, err
}

// admit holds an object against the budget before a byte of it is unpacked.
func (s *store) admit(size int64) error {
	s.inflated += size
	if size < 0 || size > s.maxBytes {
		return failf(TooLarge, "the repository holds an object of %d bytes, which is over the budget of %d", size, s.maxBytes)
	}
	if s.inflated/maxInflation > s.maxBytes {
		return failf(TooLarge, "the repository's pack unpacks to more than %d times the budget of %d bytes", maxInflation, s.maxBytes)
	}
	return nil
}

func (s *store) scanWhole(scanner *packfile.Scanner, i int32, o object) error {
	if err := s.admit(o.size); err != nil {
		return err
	}
	hasher := plumbing.NewHasher(o.kind, o.size)
	n, _, err := scanner.NextObject(hasher)
	if err != nil {
		return err
	}
	if n != o.size {
		return packfile.ErrInflatedSizeMismatch
	}
	s.byHash[hasher.Sum()] = i
	return nil
}

// scanDelta returns the size of what a delta makes.
func (s *store) scanDelta(scanner *packfile.Scanner, length int64) (int64, error) {
	if err := s.admit(length); err != nil {
		return 0, err
	}
	var head headWriter
	n, _, err := scanner.NextObject(&head)
	if err != nil {
		return 0, err
	}
	if n != length {
		return 0, packfile.ErrInflatedSizeMismatch
	}
	_, size, err := readDeltaSizes(bytes.NewReader(head.bytes))
	if err != nil {
		return 0, err
	}
	return size, s.admit(size)
}

// resolve learns the kind and the hash of every object from first on that is stored as
// a delta. A base precedes what stands upon it, or is named by its hash; then it takes rounds.
func (s *store) resolve(ctx context.Context, first int, waiting map[int32]plumbing.Hash) error {
	var pending []int32
	for i := first; i < len(s.objects); i++ {
		if s.objects[i].base != noBase {
			pending = append(pending, int32(i))
		}
	}
	for len(pending) > 0 {
		var later []int32
		for _, i := range pending {
			if ctx.Err() != nil {
				return timedOut(ctx)
			}
			ready, err := s.resolveOne(i, waiting)
			if err != nil {
				return err
			}
			if !ready {
				later = append(later, i)
			}
		}
		if len(later) == len(pending) {
			return errThin
		}
		pending = later
	}
	return nil
}

// resolveOne tells false if the object's base is not known yet.
func (s *store) resolveOne(i int32, waiting map[int32]plumbing.Hash) (bool, error) {
	o := &s.objects[i]
	if o.base == pendingBase {
		base, ok := s.byHash[waiting[i]]
		if !ok {
			return false, nil
		}
		o.base = base
	}
	base := s.objects[o.base]
	if base.kind == plumbing.InvalidObject {
		return false, nil
	}
	if base.chain >= maxChain {
		return false, failf(BadServer, "the server's pack has more than %d deltas upon each other", maxChain)
	}
	o.kind, o.chain = base.kind, base.chain+1
	hasher := plumbing.NewHasher(o.kind, o.size)
	if err := s.write(hasher, i); err != nil {
		return false, err
	}
	s.byHash[hasher.Sum()] = i
	return true, nil
}

// fillTree sees to it that a tree is there with all that is in it, if there is a way.
func (s *store) fillTree(tree plumbing.Hash) error {
	if _, ok := s.byHash[tree]; ok || s.fill == nil {
		return nil
	}
	return s.fill(tree, true)
}

// find returns the object of a hash, which must be of a kind.
func (s *store) find(hash plumbing.Hash, kind plumbing.ObjectType) (int32, error) {
	i, ok := s.byHash[hash]
	if !ok && s.fill != nil {
		if err := s.fill(hash, false); err != nil {
			return 0, err
		}
		i, ok = s.byHash[hash]
	}
	switch {
	case !ok:
		return 0, failf(BadServer, "the server's pack is incomplete: it lacks the %s %s", kind, hash)
	case s.objects[i].kind != kind:
		return 0, failf(BadServer, "the repository is damaged: %s should be a %s, and is a %s", hash, kind, s.objects[i].kind)
	}
	return i, nil
}

// read returns the content of an object of at most limit bytes.
func (s *store) read(i int32, limit int64) ([]byte, error) {
	if size := s.objects[i].size; size > limit {
		return nil, failf(TooLarge, "the repository has a %s of %d bytes, and %d can be handled", s.objects[i].kind, size, limit)
	}
	out := bytes.NewBuffer(make([]byte, 0, s.objects[i].size))
	err := s.write(out, i)
	return out.Bytes(), err
}

// budgetWriter writes until a budget is used up. Its error outlives what the layers
// above make of it.
type budgetWriter struct {
	w      io.Writer
	budget int64
	left   int64
	err    error
}

func (b *budgetWriter) Write(data []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	b.left -= int64(len(data))
	if b.left < 0 {
		b.err = failf(TooLarge, "the repository's pack is larger than the budget of %d bytes; ask for less history with depth, or for a larger volumeSizeLimit in the policy, of which the budget is a fifth", b.budget)
		return 0, b.err
	}
	n, err := b.w.Write(data)
	b.err = err
	return n, err
}

// headWriter keeps as much of what is written as a delta's two sizes can take.
type headWriter struct{ bytes []byte }

func (h *headWriter) Write(data []byte) (int, error) {
	h.bytes = append(h.bytes, data[:min(len(data), 2*maxVarint-len(h.bytes))]...)
	return len(data), nil
}
