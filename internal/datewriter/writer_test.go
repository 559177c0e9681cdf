// SPDX-License-Identifier: Apache-2.0

package datewriter

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAppend(t *testing.T) {
	t.Parallel()
	old := strings.Repeat("An old line of fifty bytes, which is in the file.\n", 100) // 5000 bytes, too many
	for name, c := range map[string]struct{ before, want string }{
		"continues what is there":                   {"old\n", "old\n" + dates(0, 2)},
		"ends a line that was left torn":            {"old\ntorn", "old\ntorn\n" + dates(0, 2)},
		"starts in a file that is empty":            {"", dates(0, 2)},
		"fills the file to the last byte":           {strings.Repeat("x", 4096-2*21-1) + "\n", strings.Repeat("x", 4096-2*21-1) + "\n" + dates(0, 2)},
		"counts the end that a torn line gets":      {strings.Repeat("x", 4096-21), dates(0, 2)},
		"drops old lines when there are too many":   {old, old[:2000] + dates(0, 2)},
		"drops old lines and ends a torn one":       {old + "torn", old[:2000] + "torn\n" + dates(0, 2)},
		"drops a line that is too long by itself":   {strings.Repeat("x", 100_000), dates(0, 2)},
		"drops it with its line end":                {strings.Repeat("x", 100_000) + "\n", dates(0, 2)},
		"drops nothing behind it":                   {strings.Repeat("x", 100_000) + "\nold\n", "old\n" + dates(0, 2)},
		"keeps a line that begins exactly at half":  {strings.Repeat("x", 3000) + "\n" + strings.Repeat("y", 2047) + "\n", strings.Repeat("y", 2047) + "\n" + dates(0, 2)},
		"drops a line that begins just before half": {strings.Repeat("x", 3000) + "\n" + strings.Repeat("y", 2048) + "\n", dates(0, 2)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, options(t))
			write(t, w.File, c.before)
			for i := range 2 {
				w.puts(t, i, 1)
				if size := len(read(t, w.File)); size > minMaxSize {
					t.Errorf("the file has %d bytes after date %d, want at most 4096", size, i)
				}
			}
			if diff := cmp.Diff(c.want, read(t, w.File)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"index.html"}, w.names(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSizeHasALimit(t *testing.T) {
	t.Parallel()
	w := start(t, options(t))
	biggest, before := 0, w.file
	for i := range 1000 {
		w.puts(t, i, 1)
		content := read(t, w.File)
		biggest = max(biggest, len(content))
		first := i + 1 - len(content)/len(noonLine)
		if content != dates(first, i+1) {
			t.Fatalf("after date %d the file holds:\n%s", i, content)
		}
		if before != nil && before != w.file && !errors.Is(before.Close(), os.ErrClosed) {
			t.Fatalf("with date %d a file was left open", i)
		}
		before = w.file
	}
	if biggest > minMaxSize || biggest < minMaxSize-2*len(noonLine) {
		t.Errorf("the file had up to %d bytes, want nearly 4096", biggest)
	}
}

func TestReplaceKeepsOneLine(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Mode = Replace
	w := start(t, o)
	write(t, o.File, "old\n")
	w.puts(t, 0, 3)
	if got := read(t, o.File); got != dates(2, 3) {
		t.Errorf("got %q, want %q", got, dates(2, 3))
	}
	if w.file != nil {
		t.Error("a file is kept open that nobody writes to again")
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	o := options(t)
	first := newWriter(o)
	first.puts(t, 0, 2)
	first.close()
	write(t, first.temp, "of a writer that was killed")
	second := start(t, o)
	second.tidy()
	if diff := cmp.Diff([]string{"index.html"}, second.names(t)); diff != "" {
		t.Error(diff)
	}
	second.puts(t, 2, 2)
	if got := read(t, o.File); got != dates(0, 4) {
		t.Errorf("got %q, want %q", got, dates(0, 4))
	}
}

func TestTwoWritersShareADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	long := strings.Repeat("l", 255) // as long as a name can be
	seen := map[string]bool{}
	for _, name := range []string{"index.html", "index.htm", "date.txt", long, long[1:]} {
		o := options(t)
		o.File = filepath.Join(dir, name)
		w := start(t, o)
		if seen[w.temp] {
			t.Errorf("%s has the temporary file of another", name)
		}
		seen[w.temp] = true
		w.puts(t, 0, 1)
	}
}

// What has the name of the temporary file is a leftover or was planted.
func TestTemporaryNameIsTaken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plant func(file string) error
		fails bool
	}{
		"by a file":              {func(f string) error { return os.WriteFile(f, []byte("left behind"), 0o644) }, false},
		"by a link to a file":    {func(f string) error { return os.Symlink("victim", f) }, false},
		"by a link to nothing":   {func(f string) error { return os.Symlink("nothing", f) }, false},
		"by a name of a file":    {func(f string) error { return os.Link(filepath.Join(filepath.Dir(f), "victim"), f) }, false},
		"by a pipe":              {func(f string) error { return syscall.Mkfifo(f, 0o666) }, false},
		"by an empty directory":  {func(f string) error { return os.Mkdir(f, 0o777) }, false},
		"by a directory of some": {func(f string) error { return os.MkdirAll(filepath.Join(f, "x"), 0o777) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			o.Mode = Replace
			w := start(t, o)
			victim := filepath.Join(filepath.Dir(o.File), "victim")
			write(t, victim, "precious")
			w.puts(t, 0, 1)
			must(t, c.plant(w.temp))
			if err := w.put(t.Context(), second(1)); (err != nil) != c.fails {
				t.Errorf("got error %v, want one: %v", err, c.fails)
			}
			want := dates(1, 2)
			if c.fails {
				want = dates(0, 1)
			}
			if got := read(t, o.File); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if got := read(t, victim); got != "precious" {
				t.Errorf("the victim holds %q", got)
			}
			must(t, os.RemoveAll(w.temp))
			w.puts(t, 2, 1)
		})
	}
}

// What the app does to the file between one date and the next.
func TestFileThatChanges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(file string) error
		want   string
	}{
		"removed":                     {os.Remove, dates(2, 4)},
		"moved away":                  {func(f string) error { return os.Rename(f, f+".1") }, dates(2, 4)},
		"emptied":                     {func(f string) error { return os.Truncate(f, 0) }, dates(2, 4)},
		"cut in the middle":           {func(f string) error { return os.Truncate(f, 25) }, dates(0, 1) + "2026\n" + dates(2, 4)},
		"overwritten up to the limit": {func(f string) error { return os.WriteFile(f, bytes.Repeat([]byte("x"), 4096-21), 0o600) }, dates(2, 4)},
		"overwritten":                 {func(f string) error { return os.WriteFile(f, []byte("mine\n"), 0o600) }, "mine\n" + dates(2, 4)},
		"exchanged for another": {func(f string) error {
			return errors.Join(os.WriteFile(f+"~", []byte("mine"), 0o600), os.Rename(f+"~", f))
		}, "mine\n" + dates(2, 4)},
		"given a second name":       {func(f string) error { return os.Link(f, f+".1") }, dates(2, 4)},
		"a link to nothing":         {func(f string) error { return errors.Join(os.Remove(f), os.Symlink("nothing", f)) }, dates(2, 4)},
		"a link to itself":          {func(f string) error { return errors.Join(os.Remove(f), os.Symlink("index.html", f)) }, dates(2, 4)},
		"a link like git-poller's":  {func(f string) error { return errors.Join(os.Remove(f), os.Symlink("..database/x", f)) }, dates(2, 4)},
		"a pipe that nobody reads":  {func(f string) error { return errors.Join(os.Remove(f), syscall.Mkfifo(f, 0o666)) }, dates(2, 4)},
		"a socket":                  {func(f string) error { return errors.Join(os.Remove(f), syscall.Mknod(f, syscall.S_IFSOCK|0o666, 0)) }, dates(2, 4)},
		"a link to a file it has":   {func(f string) error { return errors.Join(os.Rename(f, f+".1"), os.Symlink("index.html.1", f)) }, dates(2, 4)},
		"not at all, but read-only": {func(f string) error { return os.Chmod(f, 0o444) }, dates(0, 4)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, options(t))
			w.puts(t, 0, 2)
			must(t, c.change(w.File))
			for i := range 2 {
				w.puts(t, 2+i, 1)
				if size := len(read(t, w.File)); size > minMaxSize {
					t.Errorf("the file has %d bytes after date %d, want at most 4096", size, 2+i)
				}
			}
			if diff := cmp.Diff(c.want, read(t, w.File)); diff != "" {
				t.Error(diff)
			}
			if moved, err := os.ReadFile(w.File + ".1"); err == nil && string(moved) != dates(0, 2) {
				t.Errorf("what was moved away is written to: %q", moved)
			}
		})
	}
}

// What is not ours to remove stays, and dates go on when it is gone.
func TestFileThatIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plant func(file string) error
		want  string // the error, behind the name of the file
	}{
		"an empty directory":         {func(f string) error { return os.Mkdir(f, 0o755) }, " is a directory"},
		"a full directory":           {func(f string) error { return os.MkdirAll(filepath.Join(f, "x"), 0o755) }, " is a directory"},
		"a link of git-poller":       {func(f string) error { return os.Symlink("..data/index.html", f) }, " is a link that git-poller published on the same volume"},
		"such a link to a directory": {func(f string) error { return os.Symlink("..data/site", f) }, " is a link that git-poller published on the same volume"},
	} {
		for _, mode := range []Mode{Append, Replace} {
			t.Run(name+", "+string(mode), func(t *testing.T) {
				t.Parallel()
				o := options(t)
				o.Mode = mode
				w := start(t, o)
				must(t, c.plant(o.File))
				before, err := os.Lstat(o.File)
				must(t, err)
				for range 3 {
					if err := w.put(t.Context(), noon); err == nil || err.Error() != o.File+c.want {
						t.Fatalf("got error %v, want %s", err, o.File+c.want)
					}
				}
				after, err := os.Lstat(o.File)
				must(t, err)
				if !os.SameFile(before, after) || before.ModTime() != after.ModTime() {
					t.Error("it was touched")
				}
				if diff := cmp.Diff([]string{"index.html"}, w.names(t)); diff != "" {
					t.Error(diff)
				}
				must(t, os.RemoveAll(o.File))
				w.puts(t, 0, 1)
				if got := read(t, o.File); got != noonLine {
					t.Errorf("got %q, want %q", got, noonLine)
				}
			})
		}
	}
}

func TestATickOpensNothing(t *testing.T) {
	t.Parallel()
	w := start(t, options(t))
	w.puts(t, 0, 1)
	file := w.file
	w.puts(t, 1, 100)
	if w.file != file {
		t.Error("the file was opened again, though nobody touched it")
	}
}

// BenchmarkDate is what one date costs between one shortening and the next.
func BenchmarkDate(b *testing.B) {
	for _, mode := range []Mode{Append, Replace} {
		b.Run(string(mode), func(b *testing.B) {
			w := newWriter(Options{File: filepath.Join(b.TempDir(), "index.html"), Mode: mode, Format: UnixDate, MaxSize: 1 << 20})
			defer w.close()
			b.ReportAllocs()
			for b.Loop() {
				if err := w.put(b.Context(), noon); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
