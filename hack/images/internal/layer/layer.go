// SPDX-License-Identifier: Apache-2.0

// Package layer writes the tar archive that an image's layer is: sorted, with one
// time for all entries and nothing of the machine that builds, so that the same
// files are the same bytes.
package layer

import (
	"archive/tar"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// A File is one entry of a layer: a regular file, a directory or a symbolic link.
type File struct {
	Path     string      // in the image, such as "/etc/passwd"
	Mode     fs.FileMode // type, permissions, set-id and sticky bits
	UID, GID int
	Link     string // what a symbolic link points to, byte for byte
	Size     int64
	Open     func() (io.ReadCloser, error) // of a regular file: exactly Size bytes
}

// Regular is a file with content, owned by root.
func Regular(name string, mode fs.FileMode, content []byte) File {
	return File{
		Path: name,
		Mode: mode.Perm(),
		Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}
}

// Write writes files to w, sorted by path and behind their directories. A
// directory that is not listed belongs to root and has mode 0755.
func Write(w io.Writer, files []File, modified time.Time) error {
	all, err := withDirectories(files)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(w)
	for _, f := range all {
		if err := writeFile(tw, f, modified); err != nil {
			return fmt.Errorf("%s cannot be put into the layer: %w", f.Path, err)
		}
	}
	return tw.Close()
}

// withDirectories completes and sorts files. A directory sorts before what is in
// it, since its path is a prefix.
func withDirectories(files []File) ([]File, error) {
	byPath := map[string]File{}
	for _, f := range files {
		if !path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path || f.Path == "/" {
			return nil, fmt.Errorf("%q is not a clean absolute path such as /etc/passwd", f.Path)
		}
		if _, twice := byPath[f.Path]; twice {
			return nil, fmt.Errorf("%s is there twice", f.Path)
		}
		byPath[f.Path] = f
	}
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "/"; dir = path.Dir(dir) {
			parent, listed := byPath[dir]
			if !listed {
				byPath[dir] = File{Path: dir, Mode: fs.ModeDir | 0o755}
			} else if !parent.Mode.IsDir() {
				return nil, fmt.Errorf("%s is in %s, which is not a directory", f.Path, dir)
			}
		}
	}
	return slices.SortedFunc(maps.Values(byPath), func(a, b File) int { return cmp.Compare(a.Path, b.Path) }), nil
}

func writeFile(tw *tar.Writer, f File, modified time.Time) error {
	h := &tar.Header{
		Name:    strings.TrimPrefix(f.Path, "/"),
		Mode:    tarMode(f.Mode),
		Uid:     f.UID,
		Gid:     f.GID,
		ModTime: modified.UTC().Truncate(time.Second), // a fraction would need another tar format
	}
	switch f.Mode.Type() {
	case 0:
		h.Typeflag, h.Size = tar.TypeReg, f.Size
	case fs.ModeDir:
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
	case fs.ModeSymlink:
		h.Typeflag, h.Linkname = tar.TypeSymlink, f.Link
	default:
		return fmt.Errorf("it is neither a file, a directory nor a symbolic link (%s)", f.Mode)
	}
	if err := tw.WriteHeader(h); err != nil || h.Typeflag != tar.TypeReg {
		return err
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(tw, r)
	return err
}

// tarMode is mode's permissions and special bits as tar and chmod count them.
func tarMode(mode fs.FileMode) int64 {
	bits := int64(mode.Perm())
	for special, bit := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if mode&special != 0 {
			bits |= bit
		}
	}
	return bits
}
