// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bufio"
	"errors"
	"hash"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// scratch is unpacked content.
type scratch interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// published is a tree on disk, as the source of objects that a server leaves out.
type published struct {
	root   *os.Root
	files  []publishedFile
	buffer []byte
	sum    hash.Hash
}

type publishedFile struct {
	hash plumbing.Hash
	path string
}

const (
	// maxObjects bounds the index, which is in memory: some 60 bytes each.
	maxObjects = 1 << 19
	// maxChain is how many deltas may stand upon each other. git writes 50, and 4095
	// at most.
	maxChain = 4095
	// maxInflation bounds the bytes that a pack may unpack to, as a multiple of the
	// budget. It is far from what an honest repository needs, even if only a directory of
	// it is published, and keeps a bomb from being unpacked for hours.
	maxInflation = 32
	// inMemory is the largest base of a delta that is kept in memory; larger ones are
	// unpacked to disk. All together may take cacheSize.
	inMemory  = 2 << 20
	cacheSize = 9 << 20
)

// errThin is the error of a pack with a delta to an object that is not in the pack.
var errThin = errors.New("a delta without its base")

// store is a set of objects, of which an index by hash is in memory. Their bytes are in
// files: packs, as a server sent them, and the files of a tree that is published.
type store struct {
	root      *os.Root // where scratch files go
	packs     []packOnDisk
	published *published // nil: none
	objects   []object   // in the order of the packs
	byHash    map[plumbing.Hash]int32
	fill      func(hash plumbing.Hash, whole bool) error // adds an object, if it can; may be nil

	maxBytes int64
	received int64 // bytes of all packs
	inflated int64
	cache    *bases
	delta    *bufio.Reader // of the delta that is read
	large    scratch       // the last base that was too large for the cache
	largeOf  int32
}

// packOnDisk is a pack in a file that has no name any more.
type packOnDisk struct {
	file    *os.File
	scanner *packfile.Scanner // of file
}

// object says where an object is. One that is stored as a delta has a base.
type object struct {
	offset int64 // in its pack; or the number of a published file
	size   int64
	base   int32 // index of the base; none, pending, or isPublished
	chain  uint16
	pack   uint16
	kind   plumbing.ObjectType // 0 while the base is not known
}

const (
	noBase      int32 = -1
	pendingBase int32 = -2
	isPublished int32 = -3
)
