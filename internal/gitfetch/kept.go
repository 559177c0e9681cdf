// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1" //nolint:gosec // the hash of git
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"os"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"
)

// What is kept of a commit, for the next fetch to build upon, is a pack with the commit,
// its trees, its links and, as the last object, a list of where in the published tree
// the content of its files is. A process that can write to the volume can write to all of it;
// but each object is known by its hash, so what somebody has changed is missing, and then
// all of the new commit is fetched.

// keptName is the file in the request's Dir.
const keptName = "kept"

// maxList is the largest list of files that is read, in bytes.
const maxList = 64 << 20

// write writes the content of a published file, and fails if it is not what it was.
func (p *published) write(w io.Writer, o object) error {
	at := p.files[o.offset]
	changed := failf(BadServer, "the published file %s is not what it was", foreign(at.path))
	// A pipe that somebody has put there must not be waited for.
	f, err := p.root.OpenFile(at.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return changed
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() != o.size {
		return changed
	}
	if p.sum == nil {
		p.sum, p.buffer = sha1.New(), make([]byte, 64<<10) //nolint:gosec // content that was checked for collisions when it came
	}
	p.sum.Reset()
	fmt.Fprintf(p.sum, "blob %d\x00", o.size)
	for left := o.size; left > 0; {
		n, err := f.Read(p.buffer[:min(left, int64(len(p.buffer)))])
		if err != nil {
			return changed
		}
		left -= int64(n)
		_, _ = p.sum.Write(p.buffer[:n])
		if _, err := w.Write(p.buffer[:n]); err != nil {
			return err
		}
	}
	if plumbing.Hash(p.sum.Sum(nil)) != at.hash {
		return changed
	}
	return nil
}

// addKept adds what was kept of a commit and the tree in which it is published. It
// returns false if that cannot be built upon.
func (s *store) addKept(ctx context.Context, kept, tree string, commit plumbing.Hash) bool {
	f, err := os.OpenFile(kept, os.O_RDONLY|syscall.O_NONBLOCK|noFollow, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return false
	}
	if err := s.add(ctx, bufio.NewReaderSize(f, 64<<10)); err != nil {
		return false
	}
	s.received, s.inflated = 0, 0
	i, ok := s.byHash[commit]
	last := int32(len(s.objects) - 1)
	if !ok || s.objects[i].kind != plumbing.CommitObject || s.objects[last].kind != plumbing.BlobObject {
		return false
	}
	list, err := s.read(last, maxList)
	if err != nil {
		return false
	}
	root, err := os.OpenRoot(tree)
	if err != nil {
		return false
	}
	s.published = &published{root: root}
	return s.addList(list)
}

// addList adds the files of a list, as fileList writes it.
func (s *store) addList(list []byte) bool {
	for len(list) > 0 {
		var f publishedFile
		if len(list) < len(f.hash) {
			return false
		}
		list = list[copy(f.hash[:], list):]
		size, n := binary.Uvarint(list)
		path, rest, found := bytes.Cut(list[max(n, 0):], []byte{0})
		if n <= 0 || !found || int64(size) < 0 || int64(size) > s.maxBytes || len(s.objects) > 2*maxObjects {
			return false
		}
		list, f.path = rest, string(path)
		if _, ok := s.byHash[f.hash]; ok {
			continue
		}
		s.byHash[f.hash] = int32(len(s.objects))
		s.objects = append(s.objects, object{
			offset: int64(len(s.published.files)), size: int64(size), base: isPublished, kind: plumbing.BlobObject,
		})
		s.published.files = append(s.published.files, f)
	}
	return true
}

// fileList is the list of the files of a tree.
func (s *store) fileList(e *entry, list []byte) []byte {
	for _, c := range e.children {
		switch c.kind {
		case directory:
			list = s.fileList(c, list)
		case file, fileGroup, executable:
			list = append(list, c.hash[:]...)
			list = binary.AppendUvarint(list, uint64(s.objects[c.object].size))
			list = append(append(list, c.path()...), 0)
		case link, submodule:
		}
	}
	return list
}

// keep writes what is kept of a commit: some objects, which are read to memory one by
// one, and the list of the files of the tree.
func (s *store) keep(root *os.Root, objects map[int32]bool, tree *entry) error {
	f, err := root.OpenFile(keptName, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w := newPackWriter(f, len(objects)+1)
	for i := range objects {
		content, err := s.read(i, max(maxTree, maxCommit))
		if err != nil {
			_ = f.Close()
			return err
		}
		w.add(s.objects[i].kind, content)
	}
	w.add(plumbing.BlobObject, s.fileList(tree, nil))
	err = w.end()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// packWriter writes a pack (gitformat-pack(5)) of whole objects.
type packWriter struct {
	out   *bufio.Writer
	sum   hash.Hash
	z     *zlib.Writer
	error error // the first
}

func newPackWriter(w io.Writer, objects int) *packWriter {
	sum := sha1.New() //nolint:gosec // as the format says
	p := &packWriter{out: bufio.NewWriterSize(w, 64<<10), sum: sum}
	p.z, p.error = zlib.NewWriterLevel(nil, zlib.BestSpeed)
	p.write(binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(objects)))
	return p
}

// write is for zlib as well, which passes on what it has made.
func (p *packWriter) Write(data []byte) (int, error) {
	_, _ = p.sum.Write(data)
	return p.out.Write(data)
}

func (p *packWriter) write(data []byte) {
	if p.error == nil {
		_, p.error = p.Write(data)
	}
}

func (p *packWriter) add(kind plumbing.ObjectType, content []byte) {
	size := len(content)
	head := []byte{byte(kind)<<4 | byte(size&0xf)}
	for size >>= 4; size > 0; size >>= 7 {
		head[len(head)-1] |= 0x80
		head = append(head, byte(size&0x7f))
	}
	p.write(head)
	if p.error != nil {
		return
	}
	p.z.Reset(p)
	if _, p.error = p.z.Write(content); p.error == nil {
		p.error = p.z.Close()
	}
}

func (p *packWriter) end() error {
	p.write(p.sum.Sum(nil))
	if p.error == nil {
		p.error = p.out.Flush()
	}
	return p.error
}
