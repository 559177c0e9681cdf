// SPDX-License-Identifier: Apache-2.0

package startorder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pillion-dev/pillion/internal/safedir"
)

// descriptors are where the one goes that an app inherits: below the usual soft limit
// of 1024, above all that is opened from 0 upwards. Under a smaller hard limit, lower.
var descriptors = []int{1000, 200, 60, 10}

// claim tells others that the container name starts, by a file of this name that is
// locked with a descriptor for the app. withdraw takes it back.
//
// The file is a new one each time, and what had the name is never written to: it may be
// another's. All users may replace it, whichever is first.
func claim(ctx context.Context, at place, name string) (withdraw func(), err error) {
	dir, err := at.open(name)
	if err != nil {
		return nil, fmt.Errorf("the start of %s cannot be recorded for other containers: %w", name, err)
	}
	fd, err := tell(ctx, dir, name, at.start)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		err = fmt.Errorf("%s cannot be locked: another process holds the lock: two containers with one name, or a process of an earlier start", dir.Path(name))
	case err != nil:
		err = fmt.Errorf("the start of %s cannot be recorded for other containers: %w", name, err)
	}
	if err != nil {
		dir.Close()
		return nil, err
	}
	return func() {
		_ = dir.Remove(name)
		dir.Close()
		unix.Close(fd)
	}, nil
}

// tell puts the file in place and returns the descriptor that is for the app.
func tell(ctx context.Context, dir *safedir.Dir, name, start string) (fd int, err error) {
	if err := unlocked(ctx, dir, name); err != nil {
		return -1, err
	}
	next := ".." + name // no container's name has a dot
	file, err := dir.Create(next, 0, 0o666)
	if errors.Is(err, fs.ErrExist) {
		_ = dir.Remove(next) // of a start that was killed
		file, err = dir.Create(next, 0, 0o666)
	}
	if err != nil {
		return -1, err
	}
	defer file.Close()
	err = errors.Join(file.Chmod(0o666), unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)) // whatever the umask
	if err == nil {
		_, err = file.WriteString(start)
	}
	if err == nil {
		fd, err = inheritable(file)
	}
	if err == nil {
		if err = dir.Rename(next, dir, name); err != nil {
			unix.Close(fd)
		}
	}
	if err != nil {
		_ = dir.Remove(next)
		return -1, err
	}
	return fd, nil
}

// inheritable is a descriptor of the file without FD_CLOEXEC.
func inheritable(file *os.File) (fd int, err error) {
	for _, least := range descriptors {
		if fd, err = unix.FcntlInt(file.Fd(), unix.F_DUPFD, least); err == nil {
			break
		}
	}
	return fd, err
}

// open opens the directory in which containers record their start, on behalf of the
// file name.
func (at place) open(name string) (*safedir.Dir, error) {
	dir, err := safedir.Open(at.state)
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		failed.Path = filepath.Join(at.state, name)
	}
	return dir, err
}

// unlocked wants nobody to hold the lock of an earlier start of the container. It waits
// out those that just check, which takes them microseconds, and a lease that somebody
// holds on the file, fcntl(2).
func unlocked(ctx context.Context, dir *safedir.Dir, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		err := tryLock(dir, name)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Millisecond):
		}
	}
}

func tryLock(dir *safedir.Dir, name string) error {
	file, err := dir.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}

// has checks whether the container name has started or exited.
func (at place) has(what, name string) error {
	dir, err := at.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return errNotStarted
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	file, err := dir.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return errNotStarted
	}
	if err != nil {
		return err
	}
	defer file.Close()
	err = unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	locked := errors.Is(err, syscall.EWOULDBLOCK)
	if err != nil && !locked {
		return err
	}
	// The process that has just released the lock has written its start before.
	text := make([]byte, len(at.start)+1)
	n, _ := file.ReadAt(text, 0) // the end of the file is no error here
	present := string(text[:n]) == at.start
	switch {
	case !locked && !present:
		return errNotStarted
	case what == "exited" && locked:
		return errors.New("is running")
	}
	return nil
}

var errNotStarted = errors.New("has not started")

// startOf tells one start of the pod from another: by the file of this program,
// which an init container reinstalls each time that the pod's sandbox is made.
// So a file that has outlived a restart of the node means nothing. All containers of
// the pod run the same file.
func startOf(executable string) (string, error) {
	info, err := os.Stat(executable)
	if err != nil {
		return "", fmt.Errorf("the helper's own file cannot be examined: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", fmt.Errorf("the inode of %s is not known", executable)
	}
	return fmt.Sprintf("%d %d\n", stat.Ino, info.ModTime().UnixNano()), nil
}
