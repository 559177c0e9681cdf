// SPDX-License-Identifier: Apache-2.0

package safedir

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Lstat says what has a name.
func (d *Dir) Lstat(name string) (fs.FileInfo, error) {
	if err := d.check("lstat", name); err != nil {
		return nil, err
	}
	return d.root.Lstat(name)
}

// Readlink is the target of a symbolic link.
func (d *Dir) Readlink(name string) (string, error) {
	if err := d.check("readlink", name); err != nil {
		return "", err
	}
	return d.root.Readlink(name)
}

// Symlink makes a symbolic link.
func (d *Dir) Symlink(target, name string) error {
	if err := d.check("symlink", name); err != nil {
		return err
	}
	return d.root.Symlink(target, name)
}

// Mkdir makes a directory.
func (d *Dir) Mkdir(name string, perm fs.FileMode) error {
	if err := d.check("mkdir", name); err != nil {
		return err
	}
	return d.root.Mkdir(name, perm)
}

// Mkfifo makes a named pipe.
func (d *Dir) Mkfifo(name string, mode uint32) error {
	if err := d.check("mkfifo", name); err != nil {
		return err
	}
	return mkfifoat(d.fd(), name, mode)
}

// Remove removes a file, a link or an empty directory.
func (d *Dir) Remove(name string) error {
	if err := d.check("remove", name); err != nil {
		return err
	}
	return d.root.Remove(name)
}

// RemoveAll removes what has the name, and all that is in it, as [os.RemoveAll] does. Of
// links it removes the links.
func (d *Dir) RemoveAll(name string) error {
	if err := d.check("remove", name); err != nil {
		return err
	}
	return d.root.RemoveAll(name)
}

// Rename gives what has a name in d another name, in the directory to. What has that
// name is replaced, if it is no directory.
func (d *Dir) Rename(name string, to *Dir, newName string) error {
	if err := d.check("rename", name); err != nil {
		return err
	}
	if err := to.check("rename", newName); err != nil {
		return err
	}
	if err := unix.Renameat(d.fd(), name, to.fd(), newName); err != nil {
		return &os.LinkError{Op: "rename", Old: d.Path(name), New: to.Path(newName), Err: err}
	}
	return nil
}

// List lists the directory in the order of the names, as [os.ReadDir] does.
func (d *Dir) List() ([]fs.DirEntry, error) {
	again, err := d.root.OpenFile(".", os.O_RDONLY|syscall.O_DIRECTORY, 0) // with an offset of its own
	if err != nil {
		return nil, err
	}
	defer again.Close()
	entries, err := again.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// Chmod changes the mode of the directory itself.
func (d *Dir) Chmod(mode fs.FileMode) error { return d.file.Chmod(mode) }

// Stat says what the directory itself is.
func (d *Dir) Stat() (fs.FileInfo, error) { return d.file.Stat() }
