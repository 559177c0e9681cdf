// SPDX-License-Identifier: Apache-2.0

package reloader

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxWatches bounds what we take of the kernel's watches, which all containers of a user
// share on a node.
const maxWatches = 1024

const events = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_MODIFY | unix.IN_CLOSE_WRITE |
	unix.IN_ATTRIB | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR

// watcher has the kernel report what happens in directories.
type watcher struct {
	events chan struct{} // holds one token if something has happened
	count  atomic.Int64  // of reports

	file    *os.File // of inotify(7); nil if there is none
	fd      int      // its descriptor, since File.Fd would make reads block
	log     *slog.Logger
	watches map[int]bool // by descriptor, whether the scan at hand has met it
	missed  bool         // something could not be watched, or is not there
	said    bool         // so
}

// newWatcher makes a watcher, which never reports anything if the kernel has none left.
func newWatcher(log *slog.Logger) *watcher {
	w := &watcher{events: make(chan struct{}, 1), log: log, watches: map[int]bool{}}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		w.say(err)
		return w
	}
	w.file, w.fd = os.NewFile(uintptr(fd), "inotify"), fd
	go w.read(w.file)
	return w
}

// read turns events into tokens until the file is closed. What has happened where, the
// next scan finds out.
func (w *watcher) read(file *os.File) {
	buffer := make([]byte, 16<<10)
	for {
		if _, err := file.Read(buffer); err != nil {
			return
		}
		w.count.Add(1)
		select {
		case w.events <- struct{}{}:
		default:
		}
	}
}

// begin starts a scan, which adds what is to be watched.
func (w *watcher) begin() {
	w.missed = false
	for wd := range w.watches {
		w.watches[wd] = false
	}
}

// end drops what the scan has not met.
func (w *watcher) end() {
	for wd, met := range w.watches {
		if !met {
			_, _ = unix.InotifyRmWatch(w.fd, uint32(wd)) // it may have ended with its directory
			delete(w.watches, wd)
		}
	}
}

// add watches an open directory.
func (w *watcher) add(dir *os.Root) {
	file, err := dir.Open(".")
	if err != nil {
		w.missed = true
		return
	}
	defer file.Close()
	w.watch(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
}

// path watches the directories in which the way to dir can change: those of links on it,
// and the last one that exists.
func (w *watcher) path(dir string) {
	for p := dir; ; p = filepath.Dir(p) {
		info, err := os.Lstat(p)
		parent := filepath.Dir(p)
		switch {
		case err != nil:
			w.missed = true
			if _, err := os.Stat(parent); err == nil {
				w.watch(parent)
			}
		case info.Mode().Type() == fs.ModeSymlink:
			w.watch(parent)
		}
		if p == parent {
			return
		}
	}
}

func (w *watcher) watch(path string) {
	if w.file == nil {
		return
	}
	err := error(unix.ENOSPC)
	if len(w.watches) < maxWatches {
		var wd int
		if wd, err = unix.InotifyAddWatch(w.fd, path, events); err == nil {
			w.watches[wd] = true
		}
	}
	if err != nil {
		w.missed = true
		w.say(err)
	}
}

// say says once that scans have to do.
func (w *watcher) say(err error) {
	if !w.said {
		w.said = true
		w.log.Warn("the kernel does not report all changes; directories are scanned more often instead", "error", err.Error(), "interval", polling.String())
	}
}

// complete reports whether the kernel reports all that happens in the directories.
func (w *watcher) complete() bool { return w.file != nil && !w.missed }

// directories is how many are watched.
func (w *watcher) directories() int { return len(w.watches) }

func (w *watcher) close() {
	if w.file != nil {
		w.file.Close()
	}
}

// identity is a file's inode and the time of its last change, which nobody can set.
func identity(info fs.FileInfo) (inode uint64, changed int64) {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Ino, stat.Ctim.Nano()
	}
	return 0, info.ModTime().UnixNano()
}
