// SPDX-License-Identifier: Apache-2.0

package datewriter

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// failing lets a writer write so many bytes and then fails with err, in the middle
// of a write if it comes to that.
func (w *writer) failing(room int, err error) {
	w.write = func(f *os.File, p []byte) (int, error) {
		n, werr := f.Write(p[:min(len(p), room)])
		if room -= n; n < len(p) && werr == nil {
			werr = err
		}
		return n, werr
	}
}

func (w *writer) healed() { w.write = (*os.File).Write }

func TestLineThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before string
		room   int // bytes, until writing fails
		after  string
	}{
		"leaves nothing if nothing was written":         {dates(0, 2), 0, dates(0, 2)},
		"is taken back if one byte was written":         {dates(0, 2), 1, dates(0, 2)},
		"is taken back if its end is missing":           {dates(0, 2), 20, dates(0, 2)},
		"is taken back with the line end it began with": {dates(0, 2) + "torn", 2, dates(0, 2) + "torn"},
		"is not the first one in the file":              {"", 5, ""},
	} {
		for _, err := range []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS, syscall.EDQUOT} {
			t.Run(name+", "+err.Error(), func(t *testing.T) {
				t.Parallel()
				w := start(t, options(t))
				write(t, w.File, c.before)
				for range 3 {
					w.failing(c.room, err)
					if got := w.put(t.Context(), noon); !errors.Is(got, err) {
						t.Fatalf("got error %v, want %v", got, err)
					}
					if got := read(t, w.File); got != c.after {
						t.Fatalf("the file holds %q, want %q", got, c.after)
					}
				}
				w.healed()
				w.puts(t, 2, 1)
				want := c.after
				if strings.HasSuffix(want, "torn") {
					want += "\n"
				}
				if diff := cmp.Diff(want+dates(2, 3), read(t, w.File)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestFirstLineThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Append, Replace} {
		o := options(t)
		o.Mode = mode
		w := start(t, o)
		w.failing(10, syscall.ENOSPC)
		if err := w.put(t.Context(), noon); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: got error %v, want that of the disk", mode, err)
		}
		if names := w.names(t); names != nil {
			t.Errorf("%s: there is %v, want nothing: no file is better than half of one", mode, names)
		}
		w.healed()
		w.puts(t, 0, 1)
		if got := read(t, o.File); got != noonLine {
			t.Errorf("%s: got %q, want %q", mode, got, noonLine)
		}
	}
}

// What another process wrote behind half a line is not ours to remove.
func TestOthersWriteBehindHalfALine(t *testing.T) {
	t.Parallel()
	w := start(t, options(t))
	w.puts(t, 0, 1)
	w.write = func(f *os.File, p []byte) (int, error) {
		n, _ := f.Write(p[:4])
		f.WriteString(" mine\n")
		return n, syscall.EIO
	}
	if err := w.put(t.Context(), second(1)); !errors.Is(err, syscall.EIO) {
		t.Fatalf("got error %v, want that of the disk", err)
	}
	w.healed()
	w.puts(t, 2, 1)
	if got, want := read(t, w.File), noonLine+"2026 mine\n"+dates(2, 3); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFileThatCannotBeShortened(t *testing.T) {
	t.Parallel()
	full := dates(0, minMaxSize/len(noonLine))
	next := minMaxSize / len(noonLine)
	for name, c := range map[string]struct {
		room int // bytes for the new file
		err  error
		want int // lines in the end; 0 if the old ones have to stay
	}{
		"keeps half if there is room":               {2 * minMaxSize, syscall.ENOSPC, 97 + 1},
		"keeps a quarter if there is less":          {1500, syscall.ENOSPC, 48 + 1},
		"keeps the new line if there is room for 1": {len(noonLine), syscall.ENOSPC, 1},
		"stays as it is if there is none":           {len(noonLine) - 1, syscall.ENOSPC, 0},
		"loses nothing to a disk that fails":        {1500, syscall.EIO, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, options(t))
			write(t, w.File, full)
			w.write = func(f *os.File, p []byte) (int, error) { // as a full disk does: room is for what is there
				info, err := f.Stat()
				must(t, err)
				if free := c.room - int(info.Size()); len(p) > free {
					n, _ := f.Write(p[:max(free, 0)])
					return n, c.err
				}
				return f.Write(p)
			}
			err := w.put(t.Context(), second(next))
			if c.want == 0 {
				if got := read(t, w.File); got != full || !errors.Is(err, c.err) {
					t.Errorf("got error %v and %d bytes, want %v and all %d", err, len(got), c.err, len(full))
				}
			} else if diff := cmp.Diff(dates(next+1-c.want, next+1), read(t, w.File)); err != nil || diff != "" {
				t.Errorf("error %v\n%s", err, diff)
			}
			if diff := cmp.Diff([]string{"index.html"}, w.names(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// limited is set in the process that TestFileSizeLimit starts: the file to write to.
const limited = "DATEWRITER_TEST_LIMITED"

func TestMain(m *testing.M) {
	if file := os.Getenv(limited); file != "" {
		os.Exit(writeLimited(file))
	}
	os.Exit(m.Run())
}

// writeLimited writes ten dates to a file that the kernel lets grow to 100 bytes,
// and returns how many of them it failed to write.
func writeLimited(file string) (failed int) {
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100, Max: 100}); err != nil {
		return 99
	}
	w := newWriter(Options{File: file, Mode: Append, Format: RFC3339, MaxSize: minMaxSize})
	defer w.close()
	for i := range 10 {
		if err := w.put(context.Background(), second(i)); errors.Is(err, syscall.EFBIG) {
			failed++
		} else if err != nil {
			return 99
		}
	}
	return failed
}

// The kernel writes half a line here, without the help of the test.
func TestFileSizeLimit(t *testing.T) {
	t.Parallel()
	o := options(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), limited+"="+o.File)
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 6 {
		t.Errorf("the process ends with %v, want exit status 6: so many dates have no room", err)
	}
	if got := read(t, o.File); got != dates(0, 4) {
		t.Errorf("got %q, want %q", got, dates(0, 4))
	}
}
