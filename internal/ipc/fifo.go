// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/pillion-dev/pillion/internal/safedir"
)

// FIFO is a named pipe, fifo(7).
type FIFO struct {
	Path string
	Mode uint32
}

// ParseFIFO reads "/run/ipc/events?mode=0666"; the mode may be left out.
func ParseFIFO(text string) (FIFO, error) {
	path, a, err := split(text, attributes{"mode": 0o666})
	if err != nil {
		return FIFO{}, err
	}
	if !filepath.IsAbs(path) || filepath.Clean(path) != path || path == "/" {
		return FIFO{}, fmt.Errorf("the path %q of the named pipe must begin with a slash and have no empty, . or .. part", path)
	}
	return FIFO{Path: path, Mode: a["mode"]}, nil
}

// create makes the pipe in its directory, which is a volume that other containers may
// write to: it is entered by its own name and through no link.
func (f FIFO) create() error {
	dir, err := safedir.Open(filepath.Dir(f.Path))
	if unsafe := (*safedir.Error)(nil); errors.As(err, &unsafe) {
		return fmt.Errorf("the named pipe %s cannot be made: %w", f.Path, err)
	}
	if err == nil {
		defer dir.Close()
		err = dir.Mkfifo(filepath.Base(f.Path), f.Mode)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EEXIST):
		return f.compare(dir)
	}
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		err = failed.Err
	}
	return fmt.Errorf("the named pipe %s with %s cannot be made: %w%s", f.Path, mine(f.Mode), err, f.explain(err))
}

func (f FIFO) compare(dir *safedir.Dir) error {
	info, err := dir.Lstat(filepath.Base(f.Path))
	if err != nil {
		return fmt.Errorf("the named pipe %s exists, but its attributes cannot be read: %w", f.Path, err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if info.Mode().Type() != fs.ModeNamedPipe || !ok {
		return fmt.Errorf("%s exists and is no named pipe; give the pipe another path, or remove what is there", f.Path)
	}
	return differs("the named pipe "+f.Path, access{uint32(info.Mode().Perm()), stat.Uid}.String(), mine(f.Mode).String())
}

// explain says what stands in the way of a named pipe.
func (f FIFO) explain(err error) string {
	dir := filepath.Dir(f.Path)
	switch {
	case errors.Is(err, syscall.ENOENT):
		return fmt.Sprintf(": there is no directory %s in this container; it must be a volume that the containers share", dir)
	case errors.Is(err, syscall.EACCES):
		return fmt.Sprintf(": let user %d write to %s", os.Geteuid(), dir)
	case errors.Is(err, syscall.EROFS):
		return fmt.Sprintf(": the volume at %s is mounted read-only", dir)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Sprintf(": the volume at %s is full", dir)
	}
	return ""
}
