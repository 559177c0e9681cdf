// SPDX-License-Identifier: Apache-2.0

package safedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Error says that something is not what a helper opens: a link, a named pipe, a socket,
// a device, a directory in place of a file, or a file with several names.
type Error struct {
	Path string // for people
	Is   string // what was found, such as "is a symbolic link"
	Want string // what a helper opens there
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s %s, and only %s is opened there: another container may have put it there; remove it", shown(e.Path), e.Is, e.Want)
}

// shown quotes a path that holds more than printable characters.
func shown(path string) string {
	if quoted := strconv.Quote(path); quoted != `"`+path+`"` {
		return quoted
	}
	return path
}

// What a helper opens.
const (
	wantFile = "a regular file with one name"
	wantDir  = "a directory"
)

// errName is for names that would be resolved as a path.
var errName = errors.New("is not the name of an entry of a directory")

// Dir is a directory, held by a descriptor.
type Dir struct {
	path string // for people
	file *os.File
	root *os.Root // the same directory
}

// Open opens the directory at path, the last component of which must not be a link.
func Open(path string) (*Dir, error) {
	path = filepath.Clean(path)
	fd, err := retried(func() (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, explain(path, wantDir, err, unix.AT_FDCWD, path)
	}
	return newDir(fd, path)
}

func newDir(fd int, path string) (*Dir, error) {
	file := os.NewFile(uintptr(fd), path)
	root, err := os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s cannot be opened by its descriptor: %w", shown(path), err)
	}
	return &Dir{path, file, root}, nil
}

// Close gives the descriptors back.
func (d *Dir) Close() error { return errors.Join(d.root.Close(), d.file.Close()) }

// Path is the path of a name in the directory, for people.
func (d *Dir) Path(name string) string { return filepath.Join(d.path, name) }

// File is the open directory. It belongs to d.
func (d *Dir) File() *os.File { return d.file }

// OpenDir opens a directory in the directory.
func (d *Dir) OpenDir(name string) (*Dir, error) {
	if err := d.check("open", name); err != nil {
		return nil, err
	}
	fd, err := open(d.fd(), name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, explain(d.Path(name), wantDir, err, d.fd(), name)
	}
	return newDir(fd, d.Path(name))
}

// Open opens a regular file that has one name, to read it. It neither follows a link nor
// waits. A file that somebody removes at this very moment does not exist.
func (d *Dir) Open(name string) (*os.File, error) { return d.open(name, os.O_RDONLY, 0) }

// Create makes a file, to read and write it; flag may have O_APPEND. What has the name
// already is an error that is [fs.ErrExist]: there is no way to tell that a file which
// another process made is not a second name of a third one's, for names can be given and
// taken away between the questions. So what is written to is only ever one's own.
func (d *Dir) Create(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return d.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL|flag&os.O_APPEND, perm)
}

func (d *Dir) open(name string, flag int, perm fs.FileMode) (*os.File, error) {
	if err := d.check("open", name); err != nil {
		return nil, err
	}
	fd, err := open(d.fd(), name, flag, uint32(perm.Perm()))
	if err != nil {
		return nil, explain(d.Path(name), wantFile, err, d.fd(), name)
	}
	if err := d.judge(fd, name); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), d.Path(name)), nil
}

// judge accepts a regular file with one name, and makes reading and writing it wait as
// usual.
func (d *Dir) judge(fd int, name string) error {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return &fs.PathError{Op: "stat", Path: d.Path(name), Err: err}
	}
	switch {
	case kindOf(&stat) != "":
		return &Error{d.Path(name), kindOf(&stat), wantFile}
	case stat.Nlink == 0:
		return &fs.PathError{Op: "open", Path: d.Path(name), Err: syscall.ENOENT}
	case stat.Nlink > 1:
		return &Error{d.Path(name), fmt.Sprintf("is a file with %d names", stat.Nlink), wantFile}
	}
	return unix.SetNonblock(fd, false)
}

// check accepts the name of one entry.
func (d *Dir) check(op, name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return &fs.PathError{Op: op, Path: d.Path(name), Err: errName}
	}
	return nil
}

func (d *Dir) fd() int { return int(d.file.Fd()) }

// open opens one name in a directory: it follows no link, never waits, and never makes a
// terminal this process's own.
func open(dir int, name string, flag int, perm uint32) (int, error) {
	return retried(func() (int, error) {
		return openOnce(dir, name, flag|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, perm)
	})
}

// retried makes a system call again that a signal has interrupted.
func retried(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}

// explain makes an [Error] of what open(2) reports if something else has the name.
func explain(path, want string, err error, dir int, name string) error {
	var stat unix.Stat_t
	switch {
	case !errors.Is(err, syscall.ELOOP) && !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, syscall.EISDIR) &&
		!errors.Is(err, syscall.ENXIO) && !errors.Is(err, syscall.ENODEV) && !errors.Is(err, syscall.EACCES) && !errors.Is(err, syscall.EPERM):
	case unix.Fstatat(dir, name, &stat, unix.AT_SYMLINK_NOFOLLOW) != nil:
	case want == wantDir && stat.Mode&unix.S_IFMT == unix.S_IFDIR:
	case want == wantDir && kindOf(&stat) == "":
		return &Error{path, "is a file", want}
	case kindOf(&stat) != "":
		return &Error{path, kindOf(&stat), want}
	}
	return &fs.PathError{Op: "open", Path: path, Err: err}
}

// kindOf says what something is that is no regular file; "" if it is one.
func kindOf(stat *unix.Stat_t) string {
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return ""
	case unix.S_IFLNK:
		return "is a symbolic link"
	case unix.S_IFIFO:
		return "is a named pipe"
	case unix.S_IFSOCK:
		return "is a socket"
	case unix.S_IFDIR:
		return "is a directory"
	}
	return "is a device"
}
