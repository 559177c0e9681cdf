// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// subdir finds a directory, and notes the trees on the way. It does not follow links.
func (s *store) subdir(root plumbing.Hash, path string, keep map[int32]bool) (way, error) {
	at := way{{tree: root}}
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." {
			continue
		}
		e, err := s.lookup(at.tree(), name, keep)
		if err != nil {
			return nil, err
		}
		if e == nil || e.kind != directory {
			return nil, s.noSuchDirectory(path, at, name, e)
		}
		at = at.down(name, e.hash)
	}
	return at, nil
}

// lookup finds an entry of a tree, or nil, and notes the tree.
func (s *store) lookup(tree plumbing.Hash, name string, keep map[int32]bool) (found *entry, err error) {
	err = s.entries(tree, keep, func(e *entry) {
		if e.name == name {
			found = e
		}
	})
	return found, err
}

func (s *store) entries(tree plumbing.Hash, keep map[int32]bool, each func(*entry)) error {
	i, err := s.find(tree, plumbing.TreeObject)
	if err != nil {
		return err
	}
	keep[i] = true
	content, err := s.read(i, maxTree)
	for len(content) > 0 && err == nil {
		var e *entry
		if e, _, content, err = parseEntry(content); err == nil {
			each(e)
		}
	}
	return err
}

// maxNamed is how many directories an error names.
const maxNamed = 8

// noSuchDirectory says what there is instead of a directory.
func (s *store) noSuchDirectory(path string, at way, name string, instead *entry) error {
	if instead != nil {
		what := "a file"
		switch instead.kind {
		case link:
			what = "a link, which is not followed here; name the directory it leads to"
		case submodule:
			what = "a submodule, which is another repository"
		case directory, file, fileGroup, executable:
		}
		return failf(NoSuchSubdir, "the commit has no directory %s: %s is %s", foreign(path), foreign(at.down(name, plumbing.ZeroHash).path()), what)
	}
	var names []string
	if err := s.entries(at.tree(), map[int32]bool{}, func(e *entry) {
		if e.kind == directory {
			names = append(names, e.name)
		}
	}); err != nil {
		return err
	}
	format, args := "the commit has no directory %s: ", []any{foreign(path)}
	if len(at) == 1 {
		format += "at its top there"
	} else {
		format, args = format+"in %s there", append(args, foreign(at.path()))
	}
	switch len(names) {
	case 0:
		return failf(NoSuchSubdir, format+" is none", args...)
	case 1:
		format += " is "
	default:
		format += " are "
	}
	for i, n := range names[:min(len(names), maxNamed)] {
		if i > 0 {
			format += ", "
		}
		format, args = format+"%s", append(args, foreign(n))
	}
	if more := len(names) - maxNamed; more > 0 {
		format += fmt.Sprintf(" and %d more", more)
	}
	return failf(NoSuchSubdir, format, args...)
}
