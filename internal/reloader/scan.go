// SPDX-License-Identifier: Apache-2.0

package reloader

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"
)

// Bounds of the scan of a directory.
const (
	maxFiles = 100_000
	maxBytes = 1 << 30
	maxDepth = 64
)

// sum tells two contents, or two states of a directory, from each other.
type sum [sha256.Size]byte

// dataLink is the name of the link by which the kubelet and git-poller swap a directory.
// What is beside it and begins with two dots as well is theirs.
const (
	dataLink = "..data"
	hidden   = ".."
)

// scan is one walk through a directory.
type scan struct {
	hash.Hash

	files, depth int
	bytes        int64
	// visit adds a regular file.
	visit func(s *scan, in *os.Root, name string, info fs.FileInfo) error
	// enter is told of each directory.
	enter func(*os.Root)
}

func newScan(enter func(*os.Root), visit func(*scan, *os.Root, string, fs.FileInfo) error) *scan {
	return &scan{Hash: sha256.New(), enter: enter, visit: visit}
}

// errChanging is for a file that was replaced while it was read.
var errChanging = errors.New("it is being changed")

// fingerprint tells, cheaply, whether anything may have happened to a directory. It has
// it watched on the way: each directory from before it is read. Of a file that has changed
// a moment ago it cannot tell a further change, since clocks of file systems tick some
// hundred times in a second: fresh says so.
func fingerprint(dir string, w *watcher) (seen sum, fresh bool) {
	w.path(dir)
	recent := time.Now().Add(-time.Second).UnixNano()
	s := newScan(w.add, func(s *scan, _ *os.Root, _ string, info fs.FileInfo) error {
		changed := s.state(info)
		fresh = fresh || changed >= recent
		return nil
	})
	seen, err := s.run(dir)
	if err != nil {
		seen = sha256.Sum256([]byte(err.Error()))
	}
	return seen, fresh
}

// content is what a directory holds, and how many files and directories.
func content(dir string) (sum, int, error) {
	s := newScan(func(*os.Root) {}, (*scan).read)
	holds, err := s.run(dir)
	return holds, s.files, err
}

// state adds what the file system says of a file, and returns when that changed, in
// nanoseconds since 1970.
func (s *scan) state(info fs.FileInfo) int64 {
	inode, changed := identity(info)
	fmt.Fprintf(s, "%d %d %d %d\n", info.Size(), info.ModTime().UnixNano(), inode, changed)
	return changed
}

// read adds the content of a file. One that may not be read counts by its state.
func (s *scan) read(in *os.Root, name string, info fs.FileInfo) error {
	file, err := in.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may have become a pipe, which would be waited for
	if errors.Is(err, fs.ErrPermission) {
		s.state(info)
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if now, err := file.Stat(); err != nil || !os.SameFile(now, info) {
		return errors.Join(err, errChanging)
	}
	fmt.Fprintf(s, "%d\n", info.Size())
	if n, err := io.Copy(s, io.LimitReader(file, info.Size()+1)); err != nil || n != info.Size() {
		return errors.Join(err, errChanging)
	}
	return nil
}

// run scans a directory. The error names it, and the file that is to blame.
func (s *scan) run(dir string) (result sum, err error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return result, fmt.Errorf("%s does not exist", dir)
	}
	if err != nil {
		return result, fmt.Errorf("%s cannot be opened: %w", dir, err)
	}
	defer root.Close()
	if err := s.walk(root); err != nil {
		return result, fmt.Errorf("%s cannot be read: %w", dir, err)
	}
	s.Sum(result[:0])
	return result, nil
}

// walk adds a directory. It follows no link but ..data.
func (s *scan) walk(dir *os.Root) error {
	if s.depth++; s.depth > maxDepth {
		return fmt.Errorf("directories are nested more than %d deep", maxDepth)
	}
	defer func() { s.depth-- }()
	s.enter(dir)
	swapped, err := s.walkData(dir)
	if err != nil {
		return err
	}
	entries, err := fs.ReadDir(dir.FS(), ".") // sorted
	if errors.Is(err, fs.ErrPermission) {
		fmt.Fprintln(s, "unreadable")
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if swapped && strings.HasPrefix(e.Name(), hidden) {
			continue
		}
		if err := s.entry(dir, e.Name(), swapped); err != nil {
			return fmt.Errorf("%s: %w", e.Name(), err)
		}
	}
	fmt.Fprintln(s, "end")
	return nil
}

// walkData adds what a directory shows through its link ..data, if it has one.
func (s *scan) walkData(dir *os.Root) (swapped bool, err error) {
	info, err := dir.Lstat(dataLink)
	if err != nil || info.Mode().Type() != fs.ModeSymlink {
		return false, nil //nolint:nilerr // there is none
	}
	data, err := dir.OpenRoot(dataLink)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil // it points nowhere yet
	}
	if err != nil {
		return true, fmt.Errorf("%s: %w", dataLink, err)
	}
	defer data.Close()
	return true, s.walk(data)
}

// entry adds one name of a directory.
func (s *scan) entry(dir *os.Root, name string, swapped bool) error {
	info, err := dir.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return errChanging
	}
	if err != nil {
		return err
	}
	target := ""
	if info.Mode().Type() == fs.ModeSymlink {
		if target, err = dir.Readlink(name); err != nil {
			return errors.Join(err, errChanging)
		}
		if swapped && target == dataLink+"/"+name {
			return nil // it shows what walkData has added
		}
	}
	if s.files++; s.files > maxFiles {
		return fmt.Errorf("there are more than %d files and directories; watch a smaller directory", maxFiles)
	}
	fmt.Fprintf(s, "%q %v %q\n", name, info.Mode().Type(), target)
	switch {
	case info.IsDir():
		sub, err := dir.OpenRoot(name)
		if errors.Is(err, fs.ErrPermission) {
			fmt.Fprintln(s, "unreadable")
			return nil
		}
		if err != nil {
			return errors.Join(err, errChanging)
		}
		defer sub.Close()
		return s.walk(sub)
	case info.Mode().IsRegular():
		if s.bytes += info.Size(); s.bytes > maxBytes {
			return fmt.Errorf("there are more than %d MiB to read; watch a smaller directory", maxBytes>>20)
		}
		return s.visit(s, dir, name, info)
	}
	return nil
}
