// SPDX-License-Identifier: Apache-2.0

package datewriter

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// onThread runs do on a thread of its own, which ends with it. What do changes with
// raw system calls (its user, its umask, what is mounted) is not seen by others.
func onThread(t *testing.T, do func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			done <- err
			return
		}
		done <- do()
	}()
	must(t, <-done)
}

// become makes the calling thread another user's. Package syscall would do it to
// the whole process.
func become(uid uintptr) error {
	for _, call := range []uintptr{unix.SYS_SETRESGID, unix.SYS_SETRESUID} {
		if _, _, errno := unix.RawSyscall(call, uid, uid, uid); errno != 0 {
			return errno
		}
	}
	return nil
}

// someUser is the user of date-writer, who is nobody in particular.
const someUser = 65532

// asUser runs do in an empty directory that belongs to another user and is open to
// all, as the kubelet makes an emptyDir; with a strict umask, and as a user that
// is not root.
func asUser(t *testing.T, do func(dir string) error) {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	must(t, os.Chmod(dir, 0o777))
	onThread(t, func() error {
		unix.Umask(0o077)
		if os.Getuid() == 0 {
			if err := become(someUser); err != nil {
				return err
			}
		}
		return do(dir)
	})
}

func TestEverybodyCanReadTheFile(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Append, Replace} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			o := options(t)
			o.Mode = mode
			asUser(t, func(dir string) error {
				o.File = filepath.Join(dir, "index.html")
				w := newWriter(o)
				defer w.close()
				for i := range 300 { // enough to shorten it
					if err := w.put(t.Context(), second(i)); err != nil {
						return err
					}
					if info, err := os.Stat(o.File); err != nil || info.Mode().Perm() != 0o644 {
						return fmt.Errorf("after date %d: mode %v, %w", i, info.Mode(), err)
					}
				}
				return nil
			})
		})
	}
}

func TestFileOfAnotherUser(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before string
		mode   os.FileMode
		want   string
	}{
		"that we may read is continued":                {"old\n", 0o444, "old\n" + dates(0, 2)},
		"that lacks a line end is continued":           {"old", 0o444, "old\n" + dates(0, 2)},
		"that is too long is shortened":                {strings.Repeat("x", 5000) + "\nold\n", 0o444, "old\n" + dates(0, 2)},
		"that we may not read is left alone (control)": {"old\n", 0o200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			asUser(t, func(dir string) error {
				o.File = filepath.Join(dir, "index.html")
				// For a user that is not root the mode is as good as another owner.
				err := errors.Join(os.WriteFile(o.File, []byte(c.before), 0o644), os.Chmod(o.File, c.mode))
				if err != nil {
					return err
				}
				w := newWriter(o)
				defer w.close()
				for i := range 2 {
					if err := w.put(t.Context(), second(i)); (err != nil) != (c.want == "") {
						return fmt.Errorf("date %d: got error %w", i, err)
					}
				}
				return os.Chmod(o.File, 0o644)
			})
			want := c.want
			if want == "" {
				want = c.before
			}
			if got := read(t, o.File); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// A pipe, put there after the writer has inspected.
func TestPipeThatComesLateDoesNotBlock(t *testing.T) {
	t.Parallel()
	o := options(t)
	asUser(t, func(dir string) error {
		o.File = filepath.Join(dir, "index.html")
		w := newWriter(o)
		defer w.close()
		if err := w.put(t.Context(), noon); err != nil {
			return err
		}
		inspected, err := w.inspect()
		if err := errors.Join(err, os.Remove(o.File), syscall.Mkfifo(o.File, 0o444), os.Chmod(o.File, 0o444)); err != nil {
			return err
		}
		if err := w.takeOver(t.Context(), inspected); err == nil || err.Error() != o.File+" changed while it was opened" {
			return fmt.Errorf("got error %w", err)
		}
		return nil
	})
}

// mayMount reports whether the process has CAP_SYS_ADMIN.
func mayMount(t *testing.T) bool {
	t.Helper()
	var data [2]unix.CapUserData
	must(t, unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &data[0]))
	return data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// onSmallDisk runs do in a new, empty file system of 64 KiB that nobody else sees.
func onSmallDisk(t *testing.T, do func(dir string) error) {
	t.Helper()
	if !mayMount(t) {
		t.Skip("mounting a small disk takes CAP_SYS_ADMIN; the tests that inject errors cover the same code")
	}
	dir := t.TempDir()
	onThread(t, func() error {
		err := errors.Join(
			unix.Unshare(unix.CLONE_NEWNS),
			unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
			unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"),
		)
		if err != nil {
			return err
		}
		return errors.Join(do(dir), unix.Unmount(dir, unix.MNT_DETACH))
	})
}

func TestFullDisk(t *testing.T) {
	t.Parallel()

	t.Run("stops the dates on a whole line until there is room", func(t *testing.T) {
		t.Parallel()
		o := options(t)
		o.MaxSize = 1 << 20
		onSmallDisk(t, func(dir string) error {
			o.File = filepath.Join(dir, "index.html")
			w, other := newWriter(o), filepath.Join(dir, "other")
			defer w.close()
			if err := os.WriteFile(other, make([]byte, 40<<10), 0o644); err != nil {
				return err
			}
			written, failed := 0, 0
			for range 3500 {
				switch err := w.put(t.Context(), second(written)); {
				case err == nil:
					written++
				case errors.Is(err, syscall.ENOSPC):
					failed++
				default:
					return err
				}
				if failed == 100 {
					failed++
					if err := os.Remove(other); err != nil {
						return err
					}
				}
			}
			content, err := os.ReadFile(o.File)
			if err != nil || string(content) != dates(0, written) {
				return fmt.Errorf("after %d dates the file holds %d bytes that end with %q: %w", written, len(content), end(string(content)), err)
			}
			if failed <= 101 || written != 64<<10/len(noonLine) {
				return fmt.Errorf("%d dates failed and %d were written, want it to be full twice", failed, written)
			}
			// Removing the full file makes room, though the writer had it open.
			return errors.Join(os.Remove(o.File), w.put(t.Context(), noon))
		})
	})

	t.Run("too small to shorten the file to half keeps less of it", func(t *testing.T) {
		t.Parallel()
		o := options(t)
		o.MaxSize = 48 << 10
		onSmallDisk(t, func(dir string) error {
			o.File = filepath.Join(dir, "index.html")
			w := newWriter(o)
			defer w.close()
			for i := range 6_000 {
				if err := w.put(t.Context(), second(i)); err != nil {
					return err
				}
				if i%7 != 0 {
					continue
				}
				content, err := os.ReadFile(o.File)
				if first := i + 1 - len(content)/len(noonLine); err != nil || string(content) != dates(first, i+1) {
					return fmt.Errorf("after date %d the file holds %d bytes that end with %q: %w", i, len(content), end(string(content)), err)
				}
			}
			return nil
		})
	})

	t.Run("read-only for a while stops the dates for a while", func(t *testing.T) {
		t.Parallel()
		o := options(t)
		onSmallDisk(t, func(dir string) error {
			o.File = filepath.Join(dir, "index.html")
			w := newWriter(o)
			defer w.close()
			var got []string
			for i, flags := range []uintptr{unix.MS_REMOUNT, unix.MS_REMOUNT | unix.MS_RDONLY, unix.MS_REMOUNT} {
				w.close()
				if err := unix.Mount("", dir, "", flags, ""); err != nil {
					return err
				}
				if err := w.put(t.Context(), second(i)); err != nil {
					got = append(got, err.Error())
				}
			}
			want := "open " + w.temp + ": read-only file system"
			content, err := os.ReadFile(o.File)
			if len(got) != 1 || got[0] != want || string(content) != dates(0, 1)+dates(2, 3) {
				return fmt.Errorf("errors %q, want %q; the file holds %q: %w", got, want, content, err)
			}
			return nil
		})
	})
}
