// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// packBuilder writes packs that git would not.
type packBuilder struct {
	body  bytes.Buffer
	count uint32
}

func compress(content []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write(content)
	_ = w.Close()
	return out.Bytes()
}

// raw adds an object as it is to be in the file and returns its offset.
func (b *packBuilder) raw(parts ...any) int64 {
	offset := int64(12 + b.body.Len())
	for _, part := range parts {
		fmt.Fprintf(&b.body, "%s", part)
	}
	b.count++
	return offset
}

func (b *packBuilder) add(kind plumbing.ObjectType, content string) plumbing.Hash {
	b.raw(objectHeader(byte(kind), int64(len(content))), compress([]byte(content)))
	return plumbing.ComputeHash(kind, []byte(content))
}

func (b *packBuilder) blob(content string) plumbing.Hash { return b.add(plumbing.BlobObject, content) }

// refDelta adds a delta to a base that is named by its hash.
func (b *packBuilder) refDelta(base plumbing.Hash, delta []byte) {
	b.raw(objectHeader(byte(plumbing.REFDeltaObject), int64(len(delta))), base[:], compress(delta))
}

// ofsDelta adds a delta to the object at an offset, and returns its own.
func (b *packBuilder) ofsDelta(base int64, delta []byte) int64 {
	distance := int64(12+b.body.Len()) - base
	encoded := []byte{byte(distance & 0x7f)}
	for distance >>= 7; distance > 0; distance >>= 7 {
		distance--
		encoded = append([]byte{0x80 | byte(distance&0x7f)}, encoded...)
	}
	return b.raw(objectHeader(byte(plumbing.OFSDeltaObject), int64(len(delta))), encoded, compress(delta))
}

// item is an entry of a tree.
type item struct {
	mode, name string
	hash       plumbing.Hash
}

// tree adds a tree with entries just as they are given.
func (b *packBuilder) tree(items ...item) plumbing.Hash {
	var content bytes.Buffer
	for _, i := range items {
		fmt.Fprintf(&content, "%s %s\x00%s", i.mode, i.name, i.hash[:])
	}
	return b.add(plumbing.TreeObject, content.String())
}

func (b *packBuilder) commit(tree plumbing.Hash) plumbing.Hash {
	return b.add(plumbing.CommitObject, fmt.Sprintf("tree %s\nauthor A <a> 1 +0000\ncommitter C <c> %d +0100\n\nx\n", tree, testTime.Unix()))
}

func (b *packBuilder) bytes() []byte {
	var out bytes.Buffer
	out.WriteString("PACK\x00\x00\x00\x02")
	_ = binary.Write(&out, binary.BigEndian, b.count)
	out.Write(b.body.Bytes())
	sum := sha1.Sum(out.Bytes()) //nolint:gosec // as the format says
	out.Write(sum[:])
	return out.Bytes()
}

// budget is what a test allows.
type budget struct {
	bytes int64
	files int
}

var (
	enough = budget{bytes: 1 << 20, files: 2000}
	roomy  = budget{bytes: 16 << 20, files: 2000} // for all of the files, with a block each
)

// asError is an error as Fetch returns it.
func asError(err error) *Error {
	if err == nil {
		return nil
	}
	return asFailure(err).publish("", secrets(nil).redact)
}

// readPack is a store of one pack.
func readPack(ctx context.Context, root *os.Root, r io.Reader, maxBytes int64) (*store, error) {
	s := newStore(root, maxBytes)
	if err := s.add(ctx, r); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// checkoutOf publishes a commit of a pack into a new directory, which it returns.
func checkoutOf(t testing.TB, data []byte, commit plumbing.Hash, allowed budget) (Result, string, *Error) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	p, err := readPack(context.Background(), root, bytes.NewReader(data), allowed.bytes)
	if err != nil {
		return Result{}, filepath.Join(dir, "tree"), asError(err)
	}
	defer p.close()
	f := &fetcher{session: new(Session), Request: Request{MaxBytes: allowed.bytes, MaxFiles: allowed.files, Depth: 1}}
	result, err := f.checkout(context.Background(), root, p, target{commit: commit})
	return result, filepath.Join(dir, "tree"), asError(err)
}
