// SPDX-License-Identifier: Apache-2.0

package datewriter

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/pillion-dev/pillion/internal/safedir"
)

var (
	errPublished = errors.New("is a link that git-poller published on the same volume")
	errDirectory = errors.New("is a directory")
)

// publishedPrefix is how the target of a link begins that git-poller published.
const publishedPrefix = "..data/"

// writer writes one date after the other. It is for one goroutine.
type writer struct {
	Options
	temp string // the file that is renamed to File
	line []byte // the date, with its line end; kept for its memory

	held *safedir.Dir // the directory of File; nil until it is opened
	file *os.File     // Append: the file that we made last, nil if none

	write func(*os.File, []byte) (int, error) // all writing goes through it; tests make it fail
}

func newWriter(o Options) *writer {
	if o.Location == nil {
		o.Location = time.UTC
	}
	return &writer{Options: o, temp: tempName(o.File), write: (*os.File).Write}
}

func (w *writer) close() {
	if w.file != nil {
		w.file.Close()
		w.file = nil
	}
}

// put writes one date. After an error the file is as it was before, or as near to
// that as the file system lets us come.
func (w *writer) put(ctx context.Context, now time.Time) error {
	w.line = append(now.In(w.Location).AppendFormat(w.line[:0], w.Format.layout()), '\n')
	w.letGo()
	info, err := w.inspect()
	if w.file != nil && (info == nil || !isSame(w.file, info)) {
		w.close() // if it was removed it still takes room, which the next one may need
	}
	switch {
	case err != nil:
		return err
	case w.Mode == Replace || info == nil:
		return w.replace(ctx, nil)
	case w.file != nil:
		return w.append(ctx)
	default:
		return w.takeOver(ctx, info)
	}
}

// dir is the directory of the file, held by a descriptor.
func (w *writer) dir() (*safedir.Dir, error) {
	if w.held != nil {
		return w.held, nil
	}
	var err error
	w.held, err = safedir.Open(filepath.Dir(w.File))
	return w.held, err
}

// letGo closes a directory that is not at its path any more: somebody has removed it, and
// perhaps made another.
func (w *writer) letGo() {
	if w.held == nil {
		return
	}
	is, err := w.held.Stat()
	there, err2 := os.Lstat(filepath.Dir(w.File))
	if err != nil || err2 != nil || !os.SameFile(is, there) {
		w.held.Close()
		w.held = nil
	}
}

// name is that of the file in its directory.
func (w *writer) name() string { return filepath.Base(w.File) }

// inspect says what has the file's name now: a regular file without a second name; or
// nil for nothing, and for what is to be replaced. What is to be left alone is an
// error.
func (w *writer) inspect() (fs.FileInfo, error) {
	dir, err := w.dir()
	if err != nil {
		return nil, err
	}
	info, err := dir.Lstat(w.name())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s %w", w.File, errDirectory)
	case info.Mode().Type() == fs.ModeSymlink:
		if target, err := dir.Readlink(w.name()); err == nil && strings.HasPrefix(target, publishedPrefix) {
			return nil, fmt.Errorf("%s %w", w.File, errPublished)
		}
		return nil, nil
	case !isPlain(info):
		return nil, nil
	}
	return info, nil
}

// isPlain reports whether this is a regular file that has one name. A second name
// may be one that another process's file is known by.
func isPlain(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode().IsRegular() && stat.Nlink == 1
}

func isSame(f *os.File, inspected fs.FileInfo) bool {
	info, err := f.Stat()
	return err == nil && os.SameFile(info, inspected)
}

// append adds the line to our file, or exchanges the file for a shorter one.
func (w *writer) append(ctx context.Context) error {
	size, torn, err := ending(w.file)
	if err != nil {
		return err
	}
	line := w.line
	if torn {
		line = append([]byte{'\n'}, line...)
	}
	if size+int64(len(line)) > w.MaxSize {
		return w.exchange(ctx, w.file, size, w.MaxSize/2)
	}
	n, err := w.write(w.file, line)
	if err != nil {
		w.takeBack(size, n)
	}
	return err
}

// ending returns the size of f in bytes, and whether its last line lacks an end:
// its writer was killed, or is another process.
func ending(f *os.File) (size int64, torn bool, err error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return 0, false, err
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], info.Size()-1); err != nil {
		return 0, false, err
	}
	return info.Size(), last[0] != '\n', nil
}

// takeBack removes the n bytes of a line that were written at size before writing
// failed, unless another process has written behind them. If that fails as well, the
// next line begins with a line end.
func (w *writer) takeBack(size int64, n int) {
	if info, err := w.file.Stat(); n > 0 && err == nil && info.Size() == size+int64(n) {
		_ = w.file.Truncate(size) // the caller has the error that explains both
	}
}
