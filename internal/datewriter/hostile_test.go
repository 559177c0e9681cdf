// SPDX-License-Identifier: Apache-2.0

package datewriter

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// hostile is an app that may write to the volume and is up to no good.
type hostile struct {
	dir, victim string   // what is never to be written to
	targets     []string // the names that the writer uses
	chance      *rand.Rand
}

// plant puts something in the place of something that the writer uses. Most things
// come by rename, so that there is no moment without one.
func (h *hostile) plant() {
	target, side := h.targets[h.chance.IntN(len(h.targets))], filepath.Join(h.dir, "side")
	plant := []func(){
		func() { _ = os.Symlink(h.victim, side) },
		func() { _ = os.Symlink(filepath.Base(h.victim), side) },
		func() { _ = os.Symlink("..data/index.html", side) },
		func() { _ = os.Symlink("nowhere", side) },
		func() { _ = os.Link(h.victim, side) },
		func() { _ = syscall.Mkfifo(side, 0o666) },
		func() { _ = syscall.Mknod(side, syscall.S_IFSOCK|0o666, 0) },
		func() { _ = os.WriteFile(side, []byte("mine"), 0o666) },
		func() { _ = os.Mkdir(side, 0o777) },
		func() { _ = os.MkdirAll(filepath.Join(side, "full"), 0o777) },
		func() {}, // removes it
		func() { _ = os.Rename(target, side) },
	}
	plant[h.chance.IntN(len(plant))]()
	if os.Rename(side, target) != nil {
		_ = os.RemoveAll(target)
		_ = os.Rename(side, target)
	}
	_ = os.RemoveAll(side)
}

func TestHostileApp(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Append, Replace} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			o := options(t)
			o.Mode = mode
			w := start(t, o)
			victim := filepath.Join(filepath.Dir(o.File), "victim")
			write(t, victim, "precious")
			h := &hostile{filepath.Dir(o.File), victim, []string{o.File, w.temp}, rand.New(rand.NewPCG(5, 6))}
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for {
					select {
					case <-stop:
						return
					default:
						h.plant()
					}
				}
			}()
			written, failed := 0, 0
			for begin := time.Now(); time.Since(begin) < time.Second || written < 100 || failed < 100; {
				if w.put(t.Context(), second(written)) == nil {
					written++
				} else {
					failed++
				}
			}
			close(stop)
			<-stopped
			if got := read(t, victim); got != "precious" {
				t.Fatalf("the victim was written to: %q", got)
			}
			must(t, os.RemoveAll(o.File))
			must(t, os.RemoveAll(w.temp))
			w.puts(t, 0, 2)
			if got := read(t, o.File); got != dates(0, 2) && got != dates(1, 2) {
				t.Errorf("with nothing in its way the writer leaves %q", got)
			}
			t.Logf("%d dates written, %d failed", written, failed)
		})
	}
}

// A pipe that somebody reads, or nobody, does not stop the writer; nor does it get
// a date.
func TestPipeIsNeverWrittenTo(t *testing.T) {
	t.Parallel()
	w := start(t, options(t))
	must(t, syscall.Mkfifo(w.File, 0o666))
	reader, err := os.OpenFile(w.File, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	must(t, err)
	defer reader.Close()
	w.puts(t, 0, 1)
	if n, err := reader.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("%d bytes came out of the pipe, error %v", n, err)
	}
	if got := read(t, w.File); got != noonLine {
		t.Errorf("got %q, want %q", got, noonLine)
	}
}

// The pipe comes after the writer has inspected and before it opens.
func TestWhatComesBetweenLookAndOpen(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(file, victim string) error{
		"a pipe":             func(f, _ string) error { return syscall.Mkfifo(f, 0o666) },
		"a link to itself":   func(f, _ string) error { return os.Symlink(f+".old", f) },
		"a link to a file":   func(f, v string) error { return os.Symlink(v, f) },
		"a name of a file":   func(f, v string) error { return os.Link(v, f) },
		"another plain file": func(f, _ string) error { return os.WriteFile(f, []byte("mine"), 0o666) },
		"a directory":        func(f, _ string) error { return os.Mkdir(f, 0o777) },
		"nothing":            func(string, string) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, options(t))
			victim := filepath.Join(filepath.Dir(w.File), "victim")
			write(t, victim, "precious")
			write(t, w.File, "old\n")
			inspected, err := w.inspect()
			must(t, err)
			must(t, os.Rename(w.File, w.File+".old"))
			must(t, plant(w.File, victim))
			before, err := os.Lstat(w.File)
			if err := w.takeOver(t.Context(), inspected); err == nil {
				t.Error("it was taken over, want an error")
			}
			if after, _ := os.Lstat(w.File); err == nil && !os.SameFile(before, after) {
				t.Error("it was replaced, though nothing had inspected it")
			}
			if w.file != nil {
				t.Error("the writer keeps a file that it did not make")
			}
			if got := read(t, victim); got != "precious" {
				t.Errorf("the victim holds %q", got)
			}
		})
	}
}

// The directory is held: whatever its path leads to by then, nothing is written there.
// One that was recreated is the volume again.
func TestADirectoryThatIsReplaced(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plant func(dir, outside string) error
		want  string // of the error; "" for none
	}{
		"by a link": {
			func(d, outside string) error { return os.Symlink(outside, d) },
			" is a symbolic link, and only a directory is opened there: another container may have put it there; remove it",
		},
		"by a pipe": {
			func(d, _ string) error { return syscall.Mkfifo(d, 0o666) },
			" is a named pipe, and only a directory is opened there: another container may have put it there; remove it",
		},
		"by another directory": {func(d, _ string) error { return os.Mkdir(d, 0o700) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, top := options(t), t.TempDir()
			dir, outside := filepath.Join(top, "html"), filepath.Join(top, "outside")
			o.File = filepath.Join(dir, "index.html")
			must(t, os.Mkdir(dir, 0o700))
			must(t, os.Mkdir(outside, 0o700))
			write(t, filepath.Join(outside, "index.html"), "precious")
			w := start(t, o)
			w.puts(t, 0, 2)
			must(t, os.Rename(dir, dir+".old"))
			must(t, c.plant(dir, outside))
			got := ""
			if err := w.put(t.Context(), second(2)); err != nil {
				got = err.Error()
			}
			if want := c.want; want != "" && got != dir+want || want == "" && got != "" {
				t.Errorf("the error is %q, want %q", got, want)
			}
			if c.want == "" {
				if got := read(t, o.File); got != dates(2, 3) {
					t.Errorf("the new directory's file holds %q", got)
				}
			}
			if got := read(t, filepath.Join(outside, "index.html")); got != "precious" {
				t.Errorf("the file outside holds %q", got)
			}
		})
	}
}
