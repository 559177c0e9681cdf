// SPDX-License-Identifier: Apache-2.0

package startorder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// descriptors are where the one goes that an app inherits: below the usual soft limit
// of 1024, above all that is opened from 0 upwards. Under a smaller hard limit, lower.
var descriptors = []int{1000, 200, 60, 10}

// claim tells others that the container name starts: it makes the file, which all
// users may use whoever is first, and locks it with a descriptor that is for the
// app. withdraw takes it back.
func claim(ctx context.Context, at place, name string) (withdraw func(), err error) {
	path := filepath.Join(at.state, name)
	umask := unix.Umask(0)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	unix.Umask(umask)
	if err != nil {
		return nil, fmt.Errorf("the start of %s cannot be told to others: %w", name, err)
	}
	defer file.Close()
	if err := lock(ctx, file); err != nil {
		return nil, fmt.Errorf("%s cannot be locked: %w", path, err)
	}
	fd := -1
	for _, least := range descriptors {
		// Without FD_CLOEXEC, so that it is inherited.
		if fd, err = unix.FcntlInt(file.Fd(), unix.F_DUPFD, least); err == nil {
			break
		}
	}
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil {
		_, err = file.WriteString(at.start)
	}
	if err != nil {
		return nil, fmt.Errorf("the start of %s cannot be told to others in %s: %w", name, path, err)
	}
	return func() {
		os.Remove(path)
		unix.Close(fd)
	}, nil
}

// lock waits out those who just look, which takes them microseconds.
func lock(ctx context.Context, file *os.File) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("somebody else holds the lock: two containers with one name, or a process of an earlier start")
		case <-time.After(time.Millisecond):
		}
	}
}

// has looks whether the container name has started or exited.
func (at place) has(what, name string) error {
	file, err := os.Open(filepath.Join(at.state, name))
	if errors.Is(err, os.ErrNotExist) {
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
	// Whoever has just let go of the lock has written its start before.
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
// which an init container installs anew each time that the pod's sandbox is made.
// So a file that has outlived a restart of the node means nothing. All containers of
// the pod run the same file.
func startOf(executable string) (string, error) {
	info, err := os.Stat(executable)
	if err != nil {
		return "", fmt.Errorf("the helper's own file cannot be looked at: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", fmt.Errorf("the inode of %s is not known", executable)
	}
	return fmt.Sprintf("%d %d\n", stat.Ino, info.ModTime().UnixNano()), nil
}
