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
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

const (
	// maxObjects bounds the index, which is in memory: some 60 bytes each.
	maxObjects = 1 << 19
	// maxChain is how many deltas may stand upon each other. git writes 50, and 4095
	// at the most.
	maxChain = 4095
	// maxInflation bounds the bytes that a pack may unpack to, as a multiple of the
	// budget. It is far from what an honest repository needs, even if only a folder of
	// it is published, and keeps a bomb from being unpacked for hours.
	maxInflation = 32
	// inMemory is the largest base of a delta that is kept in memory; larger ones are
	// unpacked to disk. All together may take cacheSize.
	inMemory  = 2 << 20
	cacheSize = 8 << 20
)

// errThin is the error of a pack with a delta to an object that is not in the pack.
var errThin = errors.New("a delta without its base")

// pack is a set of objects: their bytes are in a file, as the server sent them, and
// an index by hash is in memory.
type pack struct {
	root    *os.Root // where scratch files go
	file    *os.File
	scanner *packfile.Scanner // of file
	objects []object          // in the order of the file
	byHash  map[plumbing.Hash]int32

	maxBytes int64
	inflated int64
	cache    *cache.BufferLRU // of bases, by index
	large    scratch          // the last base that was too large for the cache
	largeOf  int32
}

// object says where an object is. One that is stored as a delta has a base.
type object struct {
	offset int64
	size   int64
	base   int32 // index of the base; none, or pending
	chain  uint16
	kind   plumbing.ObjectType // 0 while the base is not known
}

const (
	noBase      int32 = -1
	pendingBase int32 = -2
)

// readPack takes a pack off the wire, into a file that has no name any more, and
// indexes it.
func readPack(ctx context.Context, root *os.Root, r io.Reader, maxBytes int64) (*pack, error) {
	file, err := scratchFile(root)
	if err != nil {
		return nil, err
	}
	p := &pack{
		root: root, file: file, maxBytes: maxBytes,
		byHash:  map[plumbing.Hash]int32{},
		cache:   cache.NewBufferLRU(cacheSize),
		largeOf: noBase,
	}
	out := &budgetWriter{w: file, budget: maxBytes, left: maxBytes}
	buffered := bufio.NewWriterSize(out, 64<<10)
	waiting, err := p.scan(ctx, io.TeeReader(r, buffered))
	if err == nil {
		err = buffered.Flush()
	}
	if out.err != nil {
		err = out.err
	}
	if err == nil {
		p.scanner = packfile.NewScanner(file)
		err = p.resolve(ctx, waiting)
	}
	if err != nil {
		p.close()
		return nil, malformed(err)
	}
	return p, nil
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

func (p *pack) close() {
	_ = p.file.Close()
	if p.large != nil {
		_ = p.large.Close()
	}
}

// scan indexes the objects as they come in. Those whose base is named by its hash, and
// those upon them, have to wait until all hashes are known: which, it returns.
func (p *pack) scan(ctx context.Context, r io.Reader) (waiting map[int32]plumbing.Hash, err error) {
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
	for i := range int32(count) {
		if ctx.Err() != nil {
			return nil, timedOut(ctx)
		}
		header, err := scanner.NextObjectHeader()
		if err != nil {
			return nil, err
		}
		o := object{offset: header.Offset, size: header.Length, base: noBase, kind: header.Type}
		switch header.Type {
		case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
			err = p.scanWhole(scanner, i, o)
		case plumbing.OFSDeltaObject:
			base, ok := byOffset[header.OffsetReference]
			if !ok {
				return nil, errThin
			}
			o.base = base
			o.size, err = p.scanDelta(scanner, header.Length)
		case plumbing.REFDeltaObject:
			o.base = pendingBase
			waiting[i] = header.Reference
			o.size, err = p.scanDelta(scanner, header.Length)
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
		p.objects = append(p.objects, o)
	}
	_, err = scanner.Checksum()
	return waiting, err
}

// admit holds an object against the budget before a byte of it is unpacked.
func (p *pack) admit(size int64) error {
	p.inflated += size
	if size < 0 || size > p.maxBytes {
		return failf(TooLarge, "the repository holds an object of %d bytes, which is over the budget of %d", size, p.maxBytes)
	}
	if p.inflated/maxInflation > p.maxBytes {
		return failf(TooLarge, "the repository's pack unpacks to more than %d times the budget of %d bytes", maxInflation, p.maxBytes)
	}
	return nil
}

func (p *pack) scanWhole(scanner *packfile.Scanner, i int32, o object) error {
	if err := p.admit(o.size); err != nil {
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
	p.byHash[hasher.Sum()] = i
	return nil
}

// scanDelta returns the size of what a delta makes.
func (p *pack) scanDelta(scanner *packfile.Scanner, length int64) (int64, error) {
	if err := p.admit(length); err != nil {
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
	return size, p.admit(size)
}

// resolve learns the kind and the hash of every object that is stored as a delta. A
// base precedes what stands upon it, or is named by its hash; then it takes rounds.
func (p *pack) resolve(ctx context.Context, waiting map[int32]plumbing.Hash) error {
	var pending []int32
	for i := range p.objects {
		if p.objects[i].base != noBase {
			pending = append(pending, int32(i))
		}
	}
	for len(pending) > 0 {
		var later []int32
		for _, i := range pending {
			if ctx.Err() != nil {
				return timedOut(ctx)
			}
			ready, err := p.resolveOne(i, waiting)
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
func (p *pack) resolveOne(i int32, waiting map[int32]plumbing.Hash) (bool, error) {
	o := &p.objects[i]
	if o.base == pendingBase {
		base, ok := p.byHash[waiting[i]]
		if !ok {
			return false, nil
		}
		o.base = base
	}
	base := p.objects[o.base]
	if base.kind == plumbing.InvalidObject {
		return false, nil
	}
	if base.chain >= maxChain {
		return false, failf(BadServer, "the server's pack has more than %d deltas upon each other", maxChain)
	}
	o.kind, o.chain = base.kind, base.chain+1
	hasher := plumbing.NewHasher(o.kind, o.size)
	if err := p.write(hasher, i); err != nil {
		return false, err
	}
	p.byHash[hasher.Sum()] = i
	return true, nil
}

// find returns the object of a hash, which must be of a kind.
func (p *pack) find(hash plumbing.Hash, kind plumbing.ObjectType) (int32, error) {
	i, ok := p.byHash[hash]
	switch {
	case !ok:
		return 0, failf(BadServer, "the server's pack is incomplete: it lacks the %s %s", kind, hash)
	case p.objects[i].kind != kind:
		return 0, failf(BadServer, "the repository is damaged: %s should be a %s, and is a %s", hash, kind, p.objects[i].kind)
	}
	return i, nil
}

// read returns the content of an object of at most limit bytes.
func (p *pack) read(i int32, limit int64) ([]byte, error) {
	if size := p.objects[i].size; size > limit {
		return nil, failf(TooLarge, "the repository has a %s of %d bytes, and %d can be handled", p.objects[i].kind, size, limit)
	}
	out := make(memory, 0, p.objects[i].size)
	err := p.write(&out, i)
	return out, err
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
