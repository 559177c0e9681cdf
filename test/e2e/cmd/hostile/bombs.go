// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"strings"
)

const mib = 1 << 20

func zeros(size int) string { return strings.Repeat("\x00", size) }

// oneFileManyTimes is 2 GiB of files of which the pack holds one, in a kilobyte.
func oneFileManyTimes() repository {
	var p pack
	content := p.blob(zeros(mib))
	var entries []entry
	for i := range 2048 {
		entries = append(entries, entry{file, string(rune('a'+i/676)) + string(rune('a'+i/26%26)) + string(rune('a'+i%26)), content})
	}
	return p.repository(p.tree(entries...))
}

// deltaBomb is an object of 2 GiB: 256 times the same 8 MiB, in 9 kB.
func deltaBomb() repository {
	const size, times = 8 * mib, 256
	var p pack
	content := p.blob(zeros(size))
	delta := binary.AppendUvarint(nil, size)
	delta = binary.AppendUvarint(delta, size*times)
	for range times {
		delta = append(delta, 0x80|0x40, size>>16) // copy from the start; of the size, its third byte
	}
	base := int64(p.body.Len()) // it is the first and the last so far
	p.object(ofsDeltaObject, int64(len(delta)), backwards(base), deflate(delta))
	return p.repository(p.tree(entry{file, "big", content}, marked(&p)))
}

// backwards encodes how far before a delta its base begins.
func backwards(distance int64) []byte {
	encoded := []byte{byte(distance & 0x7f)}
	for distance >>= 7; distance > 0; distance >>= 7 {
		distance--
		encoded = append([]byte{0x80 | byte(distance&0x7f)}, encoded...)
	}
	return encoded
}

// unpackedMuch is 2 GiB in objects of 8 MiB, which no tree needs.
func unpackedMuch() repository {
	var p pack
	tree := p.tree(marked(&p))
	commit := p.commit(tree)
	compressed := deflate([]byte(zeros(8 * mib)))
	for range 256 {
		p.object(blobObject, 8*mib, compressed)
	}
	return repository{commit: commit, pack: p.bytes()}
}

// lyingObject is an object of 64 MiB that claims to have 100 bytes.
func lyingObject() repository {
	var p pack
	p.object(blobObject, 100, deflate([]byte(zeros(64*mib))))
	return p.repository(p.tree(marked(&p)))
}

// manyObjects claims to be as many as the format can count.
func manyObjects() repository {
	var p pack
	commit := p.commit(p.tree(marked(&p)))
	return repository{commit: commit, pack: append(packHead(1<<32-1), p.body.Bytes()...)}
}
