// SPDX-License-Identifier: Apache-2.0

package datewriter

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pillion-dev/pillion/internal/safedir"
)

// fileMode lets every user of the pod read the file, whatever the umask says.
const fileMode = 0o644

// tempName is a name in the directory of file. It differs from file to file, has a
// known length, and can be neither an option's value nor a name in a repository:
// both are refused if they begin with two dots.
func tempName(file string) string {
	sum := fnv.New64a()
	sum.Write([]byte(filepath.Base(file)))
	return filepath.Join(filepath.Dir(file), fmt.Sprintf("..date-writer-%016x", sum.Sum64()))
}

// tidy removes what a writer that was killed left behind.
func (w *writer) tidy() {
	if dir, err := w.dir(); err == nil { // if not, the next date says so
		_ = dir.Remove(filepath.Base(w.temp))
	}
}

// replace renames a new file to the file's name: the lines of old, if any, and the
// new one. A reader has what was there before or the new file, whole.
func (w *writer) replace(ctx context.Context, old io.Reader) (err error) {
	f, err := w.create()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			w.tidy()
		}
	}()
	if err := w.fill(ctx, f, old); err != nil {
		return err
	}
	if err := f.Chmod(fileMode); err != nil {
		return err
	}
	if err := w.held.Rename(filepath.Base(w.temp), w.held, w.name()); err != nil {
		return err
	}
	w.close()
	if w.Mode == Append {
		w.file = f
		return nil
	}
	f.Close()
	return nil
}

// create makes the temporary file. What has its name is a leftover or was planted.
func (w *writer) create() (*os.File, error) {
	dir, err := w.dir()
	if err != nil {
		return nil, err
	}
	f, err := dir.Create(filepath.Base(w.temp), os.O_APPEND, fileMode)
	if errors.Is(err, fs.ErrExist) {
		w.tidy()
		f, err = dir.Create(filepath.Base(w.temp), os.O_APPEND, fileMode)
	}
	return f, err
}

// fill writes the lines of old, if any, and the new one.
func (w *writer) fill(ctx context.Context, f *os.File, old io.Reader) error {
	to := &copied{ctx: ctx, w: w, f: f, last: '\n'}
	if old != nil {
		if _, err := io.Copy(to, old); err != nil {
			return err
		}
	}
	if to.last != '\n' {
		if _, err := to.Write([]byte{'\n'}); err != nil {
			return err
		}
	}
	_, err := to.Write(w.line)
	return err
}

// copied is an [io.Writer] that remembers how the file ends. It fails when ctx has
// ended, since there may be half a gigabyte to copy.
type copied struct {
	ctx  context.Context
	w    *writer
	f    *os.File
	last byte
}

func (c *copied) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil || len(p) == 0 {
		return 0, err
	}
	c.last = p[len(p)-1]
	return c.w.write(c.f, p)
}

// takeOver exchanges the file that was inspected, which we did not make since we
// started, for one of ours with the same lines and the new one.
//
// Appending to it where it is would be less work, but there is no way to tell that
// it is not a second name of another process's file: names can be given and taken
// away between the questions. So what is written to is only ever a file that we
// made ourselves.
func (w *writer) takeOver(ctx context.Context, inspected fs.FileInfo) error {
	dir, err := w.dir()
	if err != nil {
		return err
	}
	changed := fmt.Errorf("%s changed while it was opened", w.File) // the next date checks again
	f, err := dir.Open(w.name())
	if unsafe := (*safedir.Error)(nil); errors.As(err, &unsafe) {
		return changed
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if !isSame(f, inspected) {
		return changed
	}
	size, keep := inspected.Size(), inspected.Size()
	if size+1+int64(len(w.line)) > w.MaxSize { // 1 for the end of a torn line
		keep = w.MaxSize / 2
	}
	return w.exchange(ctx, f, size, keep)
}

// exchange replaces the file f, of size bytes, by one with as many of its last
// lines as keep bytes can hold, and the new line.
//
// If there is no room for that it keeps less, down to the new line alone. Cutting
// f where it is would need no room, but a process that reads it then gets a part. If there
// is no room for one line, f stays as it is: old, but whole.
func (w *writer) exchange(ctx context.Context, f *os.File, size, keep int64) error {
	for ; ; keep /= 2 {
		lines, err := newest(f, size, keep)
		if err == nil {
			err = w.replace(ctx, lines)
		}
		if keep == 0 || !noSpace(err) {
			return err
		}
	}
}

// newest reads the last whole lines of f, at most keep of its size bytes.
func newest(f *os.File, size, keep int64) (io.Reader, error) {
	if keep == size {
		return io.NewSectionReader(f, 0, size), nil
	}
	// Up to and with the first line end there belongs to what is dropped.
	r := bufio.NewReaderSize(io.NewSectionReader(f, size-keep-1, keep+1), 64<<10)
	for {
		_, err := r.ReadSlice('\n')
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return r, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}
