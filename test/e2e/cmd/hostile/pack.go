// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"sync/atomic"
)

// hash names an object.
type hash [sha1.Size]byte

func (h hash) String() string { return hex.EncodeToString(h[:]) }

// The kinds of objects, as gitformat-pack(5) numbers them.
const (
	commitObject   = 1
	treeObject     = 2
	blobObject     = 3
	ofsDeltaObject = 6
)

// The modes of a tree's entries.
const (
	folder = "40000"
	file   = "100644"
	link   = "120000"
)

// pack writes what git would not.
type pack struct {
	body  bytes.Buffer
	count uint32
}

// object adds one as it is to be in the file: its kind, the size that it claims, and
// bytes.
func (p *pack) object(kind byte, size int64, parts ...[]byte) {
	p.body.Write(objectHeader(kind, size))
	for _, part := range parts {
		p.body.Write(part)
	}
	p.count++
}

func objectHeader(kind byte, size int64) []byte {
	out := []byte{kind<<4 | byte(size&0x0f)}
	for size >>= 4; size > 0; size >>= 7 {
		out[len(out)-1] |= 0x80
		out = append(out, byte(size&0x7f))
	}
	return out
}

func (p *pack) add(kind byte, content []byte) hash {
	p.object(kind, int64(len(content)), deflate(content))
	name := map[byte]string{commitObject: "commit", treeObject: "tree", blobObject: "blob"}[kind]
	return sha1.Sum(append(fmt.Appendf(nil, "%s %d\x00", name, len(content)), content...))
}

func (p *pack) blob(content string) hash { return p.add(blobObject, []byte(content)) }

// entry is one of a tree.
type entry struct {
	mode, name string
	hash       hash
}

func (p *pack) tree(entries ...entry) hash {
	var content bytes.Buffer
	for _, e := range entries {
		fmt.Fprintf(&content, "%s %s\x00%s", e.mode, e.name, e.hash[:])
	}
	return p.add(treeObject, content.Bytes())
}

// serial makes every commit a new one.
var serial atomic.Int64

func (p *pack) commit(tree hash) hash {
	when := 1_700_000_000 + serial.Add(1)
	return p.add(commitObject, fmt.Appendf(nil, "tree %s\nauthor A <a> %d +0000\ncommitter C <c> %[2]d +0000\n\nx\n", tree, when))
}

// repository is the pack with a commit of a tree.
func (p *pack) repository(tree hash) repository {
	commit := p.commit(tree)
	return repository{commit: commit, pack: p.bytes()}
}

func (p *pack) bytes() []byte {
	out := append(packHead(p.count), p.body.Bytes()...)
	sum := sha1.Sum(out)
	return append(out, sum[:]...)
}

func packHead(count uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), count)
}

func deflate(content []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write(content)
	_ = w.Close()
	return out.Bytes()
}
