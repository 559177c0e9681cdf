// SPDX-License-Identifier: Apache-2.0

package safedir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// shared is a directory that an app can write to, and a file that is none of its own.
func shared(t *testing.T) (dir *Dir, path, victim string) {
	t.Helper()
	top := t.TempDir()
	path, victim = filepath.Join(top, "shared"), filepath.Join(top, "victim")
	must(t, os.Mkdir(path, 0o777))
	must(t, os.WriteFile(victim, []byte("precious"), 0o600))
	dir, err := Open(path)
	must(t, err)
	t.Cleanup(func() { dir.Close() })
	return dir, path, victim
}

// planted are the things that an app can put in the place of a file, and what is said of
// them.
func planted(victim string) map[string]struct {
	plant func(at string) error
	is    string
} {
	return map[string]struct {
		plant func(at string) error
		is    string
	}{
		"a link to a file outside": {func(at string) error { return os.Symlink(victim, at) }, "is a symbolic link"},
		"a relative link":          {func(at string) error { return os.Symlink("../victim", at) }, "is a symbolic link"},
		"a link to a file beside it": {
			func(at string) error {
				return errors.Join(os.WriteFile(at+"-beside", nil, 0o600), os.Symlink(filepath.Base(at)+"-beside", at))
			}, "is a symbolic link",
		},
		"a link to nothing":     {func(at string) error { return os.Symlink("nowhere", at) }, "is a symbolic link"},
		"a link to itself":      {func(at string) error { return os.Symlink(filepath.Base(at), at) }, "is a symbolic link"},
		"a link to a directory": {func(at string) error { return os.Symlink("/", at) }, "is a symbolic link"},
		"a magic link":          {func(at string) error { return os.Symlink("/proc/self/fd/0", at) }, "is a symbolic link"},
		"a named pipe":          {func(at string) error { return syscall.Mkfifo(at, 0o666) }, "is a named pipe"},
		"a socket":              {func(at string) error { return syscall.Mknod(at, syscall.S_IFSOCK|0o666, 0) }, "is a socket"},
		"a device":              {func(at string) error { return syscall.Mknod(at, syscall.S_IFCHR|0o666, int(unix.Mkdev(1, 5))) }, "is a device"},
		"a device without a driver": {
			func(at string) error { return syscall.Mknod(at, syscall.S_IFBLK|0o666, int(unix.Mkdev(240, 77))) }, "is a device",
		},
		"a directory":                     {func(at string) error { return os.Mkdir(at, 0o777) }, "is a directory"},
		"a second name of another's file": {func(at string) error { return os.Link(victim, at) }, "is a file with 2 names"},
	}
}

func TestOnlyARegularFileWithOneNameIsOpened(t *testing.T) {
	t.Parallel()
	for name := range planted("") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, path, victim := shared(t)
			c := planted(victim)[name]
			if err := c.plant(filepath.Join(path, "file")); errors.Is(err, syscall.EPERM) {
				t.Skip("only root makes devices")
			} else if err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(filepath.Join(path, "file"))
			must(t, err)
			if file, err := dir.Create("file", os.O_APPEND, 0o666); !errors.Is(err, fs.ErrExist) {
				t.Errorf("made %v, error %v", file, err)
			}
			file, err := dir.Open("file")
			var unsafe *Error
			if !errors.As(err, &unsafe) { //nolint:modernize // the value is used below
				t.Fatalf("opened %v, error %v", file, err)
			}
			want := path + "/file " + c.is + ", and only a regular file with one name is opened there: another container may have put it there; remove it"
			if err.Error() != want {
				t.Errorf("the error is %q, want %q", err, want)
			}
			if after, err := os.Lstat(filepath.Join(path, "file")); err != nil || !os.SameFile(before, after) {
				t.Errorf("what was planted is not there any more: %v", err)
			}
			if text, err := os.ReadFile(victim); string(text) != "precious" {
				t.Errorf("the other's file holds %q (%v)", text, err)
			}
			if _, err := os.Lstat(filepath.Join(path, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the target of a link was made: %v", err)
			}
		})
	}
}

func TestOnlyADirectoryIsEntered(t *testing.T) {
	t.Parallel()
	for name := range planted("") {
		if name == "a directory" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, path, victim := shared(t)
			c := planted(victim)[name]
			if err := c.plant(filepath.Join(path, "sub")); errors.Is(err, syscall.EPERM) {
				t.Skip("only root makes devices")
			} else if err != nil {
				t.Fatal(err)
			}
			is := c.is
			if strings.HasPrefix(is, "is a file with") {
				is = "is a file"
			}
			want := "/sub " + is + ", and only a directory is opened there: another container may have put it there; remove it"
			if _, err := dir.OpenDir("sub"); err == nil || err.Error() != path+want {
				t.Errorf("the error is %v, want %s%s", err, path, want)
			}
			if _, err := Open(filepath.Join(path, "sub")); err == nil || err.Error() != path+want {
				t.Errorf("the error is %v, want %s%s", err, path, want)
			}
		})
	}
}

func TestANameIsOneComponent(t *testing.T) {
	t.Parallel()
	dir, path, _ := shared(t)
	must(t, os.Mkdir(filepath.Join(path, "a"), 0o700))
	must(t, os.WriteFile(filepath.Join(path, "a", "b"), nil, 0o600))
	for _, name := range []string{"", ".", "..", "a/b", "/etc/passwd", "../victim", "a/", "a\x00b"} {
		_, opened := dir.Open(name)
		_, made := dir.Create(name, 0, 0o600)
		_, entered := dir.OpenDir(name)
		_, seen := dir.Lstat(name)
		_, read := dir.Readlink(name)
		for _, err := range []error{
			opened, made, entered, seen, read, dir.Remove(name), dir.RemoveAll(name), dir.Symlink("x", name), dir.Mkdir(name, 0o700),
			dir.Mkfifo(name, 0o600), dir.Rename(name, dir, "c"), dir.Rename("a", dir, name),
		} {
			if !errors.Is(err, errName) {
				t.Errorf("the name %q: %v", name, err)
			}
		}
	}
	if _, err := dir.Create("a\nb", 0, 0o600); err != nil {
		t.Errorf("a name with a line end is a name: %v", err)
	}
	must(t, os.Symlink("x", filepath.Join(path, "\x1b[2J\nok")))
	want := `"` + path + `/\x1b[2J\nok" is a symbolic link, and only a regular file with one name is opened there: another container may have put it there; remove it`
	if _, err := dir.Open("\x1b[2J\nok"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAFileIsOpenedAsUsual(t *testing.T) {
	t.Parallel()
	dir, path, _ := shared(t)
	if _, err := dir.Open("new"); !errors.Is(err, fs.ErrNotExist) || err.Error() != "open "+path+"/new: no such file or directory" {
		t.Errorf("a file that is not there: %v", err)
	}
	for name, flag := range map[string]int{"new": 0, "log": os.O_APPEND} {
		file, err := dir.Create(name, flag|os.O_TRUNC|os.O_SYNC, 0o600)
		must(t, err)
		defer file.Close()
		flags, err := unix.FcntlInt(file.Fd(), unix.F_GETFL, 0)
		must(t, err)
		if got := flags &^ 0o100000; got != os.O_RDWR|flag { // O_LARGEFILE
			t.Errorf("the flags of %s are %#o", name, flags)
		}
		if on, err := unix.FcntlInt(file.Fd(), unix.F_GETFD, 0); err != nil || on != unix.FD_CLOEXEC {
			t.Errorf("the descriptor's flags are %d (%v)", on, err)
		}
		if _, err := dir.Create(name, flag, 0o600); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a file that is to be new: %v", err)
		}
	}
	must(t, dir.Rename("new", dir, "log"))
	file, err := dir.Open("log")
	must(t, err)
	must(t, file.Close())
}

// What is removed, renamed or listed is what has the name, and never what a link there
// points to.
func TestOtherOperationsFollowNoLink(t *testing.T) {
	t.Parallel()
	dir, path, victim := shared(t)
	outside := filepath.Join(filepath.Dir(victim), "outside")
	must(t, os.MkdirAll(filepath.Join(outside, "a", "b"), 0o700))
	must(t, os.Mkdir(filepath.Join(path, "full"), 0o700))
	for _, at := range []string{"link", "full/link"} {
		must(t, os.Symlink(outside, filepath.Join(path, at)))
	}
	must(t, dir.RemoveAll("full"))
	must(t, dir.Rename("link", dir, "moved"))
	if target, err := dir.Readlink("moved"); err != nil || target != outside {
		t.Errorf("the link points to %q (%v)", target, err)
	}
	if info, err := dir.Lstat("moved"); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("got %v (%v)", info, err)
	}
	must(t, dir.RemoveAll("moved"))
	if _, err := os.Stat(filepath.Join(outside, "a", "b")); err != nil {
		t.Errorf("what is outside was removed: %v", err)
	}
	entries, err := dir.List()
	if err != nil || len(entries) != 0 {
		t.Errorf("left are %v (%v)", entries, err)
	}
}

// A process that holds the directory stays in it, wherever its path leads by then.
func TestADirectoryThatIsReplacedIsNotEntered(t *testing.T) {
	t.Parallel()
	dir, path, victim := shared(t)
	must(t, os.Rename(path, path+".old"))
	must(t, os.Symlink(filepath.Dir(victim), path))
	if _, err := dir.Open("victim"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	must(t, dir.Mkdir("new", 0o700))
	if _, err := os.Stat(path + ".old/new"); err != nil {
		t.Error(err)
	}
}
