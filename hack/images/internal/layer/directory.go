// SPDX-License-Identifier: Apache-2.0

package layer

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// An Owner gives a file, or a directory and all in it, to a user and a group.
type Owner struct {
	Path     string // in the image, such as "/home/git"
	UID, GID int
}

// ParseOwner reads "/home/git=1000:1000".
func ParseOwner(s string) (Owner, error) {
	name, ids, _ := strings.Cut(s, "=")
	uidText, gidText, _ := strings.Cut(ids, ":")
	uid, err1 := strconv.ParseUint(uidText, 10, 31)
	gid, err2 := strconv.ParseUint(gidText, 10, 31)
	if err1 != nil || err2 != nil || !path.IsAbs(name) || path.Clean(name) != name {
		return Owner{}, fmt.Errorf("%q must be a path in the image, a user and a group, such as /home/git=1000:1000", s)
	}
	return Owner{Path: name, UID: int(uid), GID: int(gid)}, nil
}

// Directory lists what is in dir with its modes and links. All belongs to root,
// whichever user owns it on this machine, except what owners give away; the last owner
// that covers a file counts, and one that covers none is an error.
func Directory(dir string, owners []Owner) ([]File, error) {
	var files []File
	used := make([]bool, len(owners))
	err := filepath.WalkDir(dir, func(host string, entry fs.DirEntry, err error) error {
		if err != nil || host == dir {
			return err
		}
		f, err := hostFile(dir, host, entry)
		if err != nil {
			return err
		}
		for i, o := range owners {
			if f.Path == o.Path || strings.HasPrefix(f.Path, o.Path+"/") {
				f.UID, f.GID, used[i] = o.UID, o.GID, true
			}
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, o := range owners {
		if !used[i] {
			return nil, fmt.Errorf("there is no %s in %s to give to %d:%d", o.Path, dir, o.UID, o.GID)
		}
	}
	return files, nil
}

func hostFile(dir, host string, entry fs.DirEntry) (File, error) {
	info, err := entry.Info()
	if err != nil {
		return File{}, err
	}
	rel, err := filepath.Rel(dir, host)
	if err != nil {
		return File{}, err
	}
	f := File{Path: "/" + filepath.ToSlash(rel), Mode: info.Mode()}
	switch info.Mode().Type() {
	case 0:
		f.Size = info.Size()
		f.Open = func() (io.ReadCloser, error) { return os.Open(host) }
	case fs.ModeSymlink:
		f.Link, err = os.Readlink(host)
	}
	return f, err
}
