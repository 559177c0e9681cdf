// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	// maxName and maxPath are lengths in bytes. Linux takes names of 255; paths have
	// to leave room, of its 4095, for where the app mounts the content.
	maxName = 255
	maxPath = 2048
	// maxTree is the largest directory that is read, in bytes of its list of entries: some
	// 400,000 entries of usual names.
	maxTree = 16 << 20
	// maxTarget is the longest target of a link that Linux takes, in bytes.
	maxTarget = 4095
	// block is what the smallest file takes of a volume, in bytes: the size of a page,
	// and of a block of most file systems. An eviction counts blocks, as du(1) does.
	block = 4096
)

// kind is what an entry of a tree is.
type kind string

// The kinds, by the mode that git writes for them (100664 is of old versions).
const (
	directory  kind = "40000"
	file       kind = "100644"
	fileGroup  kind = "100664"
	executable kind = "100755"
	link       kind = "120000"
	submodule  kind = "160000"
)

// entry is a file, link or directory of the commit.
type entry struct {
	name     string
	kind     kind
	object   int32 // in the store; not of a submodule
	hash     plumbing.Hash
	parent   *entry   // nil for the root
	children []*entry // of a directory, by name
	target   string   // of a link
	boundary bool     // a directory that a link was followed to: what is above it is not what was
}

// path is the entry's path from the root.
func (e *entry) path() string {
	var names []string
	for ; e.parent != nil; e = e.parent {
		names = append(names, e.name)
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}

func (e *entry) child(name string) *entry {
	i, found := slices.BinarySearchFunc(e.children, name, func(c *entry, name string) int { return cmp.Compare(c.name, name) })
	if !found {
		return nil
	}
	return e.children[i]
}

// treeReader reads a commit's tree into memory, within the budgets, and refuses what
// must not reach a disk. The budgets are spent entry by entry, so a tree of trees that
// repeats itself without end costs no more than any other.
type treeReader struct {
	pack            *store
	maxFiles, files int
	maxBytes, disk  int64 // in whole blocks
	links           []*entry
	keep            map[int32]bool // trees and links: what the next fetch can build upon
	origins         map[*entry]way // of the root, and of directories that a link was followed to
	written         int            // files and links
	modules         []*entry       // submodules
	bytes           int64          // of the files
}

func (t *treeReader) read(ctx context.Context, from way) (*entry, error) {
	i, err := t.pack.find(from.tree(), plumbing.TreeObject)
	if err != nil {
		return nil, err
	}
	root := &entry{kind: directory, object: i, hash: from.tree()}
	t.origins = map[*entry]way{root: from}
	return root, t.readDirectory(ctx, root, 0)
}

func (t *treeReader) readDirectory(ctx context.Context, e *entry, length int) error {
	if ctx.Err() != nil {
		return timedOut(ctx)
	}
	t.keep[e.object] = true
	content, err := t.pack.read(e.object, maxTree)
	if err != nil {
		return err
	}
	for len(content) > 0 {
		var c *entry
		var hash plumbing.Hash
		if c, hash, content, err = parseEntry(content); err != nil {
			return err
		}
		c.parent = e
		if err := t.admit(c, hash, length); err != nil {
			return err
		}
		e.children = append(e.children, c)
	}
	slices.SortFunc(e.children, func(a, b *entry) int { return cmp.Compare(a.name, b.name) })
	for i, c := range e.children {
		if i > 0 && c.name == e.children[i-1].name {
			return failf(Refused, "the commit has two entries with the path %s", foreign(c.path()))
		}
		if c.kind == directory {
			if err := t.readDirectory(ctx, c, length+len(c.name)+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseEntry takes the first entry off a tree's content: mode, space, name, NUL, hash.
func parseEntry(content []byte) (*entry, plumbing.Hash, []byte, error) {
	var hash plumbing.Hash
	mode, rest, found := bytes.Cut(content, []byte{' '})
	if !found {
		return nil, hash, nil, failf(BadServer, "the repository is damaged: a tree cannot be read")
	}
	name, rest, found := bytes.Cut(rest, []byte{0})
	if !found || len(rest) < len(hash) {
		return nil, hash, nil, failf(BadServer, "the repository is damaged: a tree cannot be read")
	}
	copy(hash[:], rest)
	return &entry{name: string(name), hash: hash, kind: kind(strings.TrimLeft(string(mode), "0"))}, hash, rest[len(hash):], nil
}

// admit judges an entry by itself and spends the budgets on it.
func (t *treeReader) admit(e *entry, hash plumbing.Hash, length int) error {
	if err := checkName(e, length); err != nil {
		return err
	}
	if t.files++; t.files > t.maxFiles {
		return failf(TooLarge, "the commit has more than the %d files and directories that the budget allows", t.maxFiles)
	}
	var err error
	switch e.kind {
	case submodule: // an empty directory, as git leaves it
		t.modules = append(t.modules, e)
		return t.spend(e, 0)
	case directory:
		if e.object, err = t.pack.find(hash, plumbing.TreeObject); err != nil {
			return err
		}
		return t.spend(e, 0)
	case file, fileGroup, executable, link:
		if e.object, err = t.pack.find(hash, plumbing.BlobObject); err != nil {
			return err
		}
		return t.admitBlob(e)
	default:
		return failf(Refused, "the commit's entry %s has the mode %s, which is none of a file, directory, link or submodule", foreign(e.path()), foreign(string(e.kind)))
	}
}

func (t *treeReader) admitBlob(e *entry) error {
	size := t.pack.objects[e.object].size
	t.written++
	if e.kind == link {
		return t.admitLink(e, size)
	}
	t.bytes += size
	return t.spend(e, size)
}

// spend takes what an entry of a size occupies off the budget.
func (t *treeReader) spend(e *entry, size int64) error {
	blocks := max(1, (size+block-1)/block)
	if blocks > (t.maxBytes-t.disk)/block {
		return failf(TooLarge, "the commit takes more of the volume than the budget of %d bytes, in blocks of %d; %s is where it is used up; publish less with subdir, or ask for a larger volumeSizeLimit in the policy, of which the budget is a fifth", t.maxBytes, block, foreign(e.path()))
	}
	t.disk += blocks * block
	return nil
}

func (t *treeReader) admitLink(e *entry, size int64) error {
	if size > maxTarget {
		return failf(Refused, "the commit's link %s has a target of %d bytes, and %d are possible", foreign(e.path()), size, maxTarget)
	}
	t.keep[e.object] = true
	target, err := t.pack.read(e.object, maxTarget)
	if err != nil {
		return err
	}
	if e.target = string(target); e.target == "" || strings.Contains(e.target, "\x00") {
		return failf(Refused, "the commit's link %s has the target %s, which cannot be one", foreign(e.path()), foreign(e.target))
	}
	t.links = append(t.links, e)
	return t.spend(e, 0)
}

// checkName refuses names that mean something else to a file system, to git, or to
// how we publish.
func checkName(e *entry, length int) error {
	switch {
	case e.name == "" || e.name == "." || e.name == ".." || strings.ContainsAny(e.name, "/\x00"):
		return failf(Refused, "the commit has an entry named %s in directory %s, which is not a name", foreign(e.name), foreign(e.parent.path()))
	case strings.EqualFold(e.name, ".git"):
		return failf(Refused, "the commit has an entry %s, a name that belongs to git", foreign(e.path()))
	case e.parent.parent == nil && strings.HasPrefix(e.name, ".."):
		return failf(Refused, "the commit has a top-level entry %s, and names that begin with two dots are kept for publishing; rename it", foreign(e.name))
	case len(e.name) > maxName:
		return failf(Refused, "the commit has an entry whose name has %d bytes, and %d are possible: %s", len(e.name), maxName, foreign(e.path()))
	case length+len(e.name) > maxPath:
		return failf(Refused, "the commit has a path of more than %d bytes: %s", maxPath, foreign(e.path()))
	}
	return nil
}
