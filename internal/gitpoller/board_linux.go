// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pillion-dev/pillion/internal/gitstatus"
)

// boardName names the file in memory.
const boardName = "pillion-git-poller"

// maxBoard bounds what is read of it, in bytes.
const maxBoard = 1 << 20

// Board shows a poller's status to other processes of its container, and to nobody else:
// a file in memory, which has a name in no file system and is reached through the
// poller's descriptors in /proc. The kernel lets a process see those if it is in the same
// process namespace and of the same user. A container that shares the content volume has no
// way to it; one that shares the process namespace and the user could as well end the poller.
type Board struct{ fd int }

// NewBoard makes an empty board.
func NewBoard() (*Board, error) {
	fd, err := unix.MemfdCreate(boardName, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("a file in memory for the status cannot be made: %w", err)
	}
	b := &Board{fd}
	return b, b.replace(gitstatus.Status{})
}

// show replaces what is on the board. A reader sees the one status or the other: each is
// a file of its own, and takes the descriptor of the one before.
func (b *Board) show(s gitstatus.Status) {
	if b == nil {
		return
	}
	_ = b.replace(s) // a helper without memory has worse to say
}

func (b *Board) replace(s gitstatus.Status) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	fd, err := unix.MemfdCreate(boardName, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), boardName)
	defer file.Close()
	if _, err := file.Write(text); err != nil {
		return err
	}
	_, err = unix.FcntlInt(file.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	return errors.Join(err, unix.Dup3(int(file.Fd()), b.fd, unix.O_CLOEXEC))
}

// errNoPoller is for a container in which none runs.
var errNoPoller = errors.New("no git-poller runs in this container; run this in the container pillion-git-poller (or pillion-git-poller-NAME), and not before it has started")

// errHidden is for a container whose processes those of others can see: a poller hides from all.
var errHidden = errors.New("no git-poller can be seen in this container, and some processes hide: in a pod whose containers share one process namespace a git-poller does, with its Secret, from all others; its log says what it publishes, and it polls by itself at each period")

// Running is a poller of this container.
type Running struct {
	dir     string // of its descriptors
	process *os.Process
}

// Find finds the poller that runs in this container.
func Find() (*Running, error) { return find("/proc") }

func find(proc string) (*Running, error) {
	ids, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	own, _ := os.Readlink(filepath.Join(proc, "self", "ns", "mnt"))
	var hidden error
	hides := false
	for _, e := range ids {
		id, err := strconv.Atoi(e.Name())
		if err != nil || id == os.Getpid() {
			continue
		}
		process, err := os.FindProcess(id) // first, so that what follows is about no other
		if err != nil {
			continue
		}
		dir := filepath.Join(proc, e.Name())
		// Processes with one mount namespace are those of one container.
		ns, err := os.Readlink(filepath.Join(dir, "ns", "mnt"))
		hides = hides || errors.Is(err, os.ErrPermission)
		if err == nil && ns == own || own == "" {
			r := &Running{filepath.Join(dir, "fd"), process}
			path, err := r.board()
			if path != "" {
				return r, nil
			}
			if errors.Is(err, os.ErrPermission) {
				hidden = err
			}
		}
		_ = process.Release()
	}
	if hidden != nil {
		return nil, fmt.Errorf("%w (a process here belongs to another user: %w)", errNoPoller, hidden)
	}
	if hides {
		return nil, errHidden
	}
	return nil, errNoPoller
}

// board finds the board among the descriptors.
func (r *Running) board() (string, error) {
	fds, err := os.ReadDir(r.dir)
	if err != nil {
		return "", err
	}
	for _, fd := range fds {
		path := filepath.Join(r.dir, fd.Name())
		if target, err := os.Readlink(path); err == nil && target == "/memfd:"+boardName+" (deleted)" {
			return path, nil
		}
	}
	return "", nil
}

// Status reads the poller's board.
func (r *Running) Status() (s gitstatus.Status, err error) {
	for range 100 { // while the poller replaces it, a descriptor may be gone again
		var path string
		if path, err = r.board(); err != nil {
			break
		}
		if s, err = read(path); err == nil {
			s.Read(time.Now())
			return s, nil
		}
		time.Sleep(time.Millisecond)
	}
	if r.process.Signal(syscall.Signal(0)) != nil {
		return s, errors.New("the git-poller has ended")
	}
	return s, fmt.Errorf("the git-poller's status cannot be read: %w", err)
}

func read(path string) (s gitstatus.Status, err error) {
	file, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer file.Close()
	return s, json.NewDecoder(io.LimitReader(file, maxBoard)).Decode(&s)
}

// Ask is the signal at which a poller polls at once.
const Ask = syscall.SIGUSR1

// Sync asks the poller to poll, and returns its status after a poll that has begun since
// then. An error says that there was none before ctx ended.
func (r *Running) Sync(ctx context.Context) (gitstatus.Status, error) {
	s, err := r.Status()
	if err != nil {
		return s, err
	}
	want := s.Begun + 1
	if err := r.process.Signal(Ask); err != nil {
		return s, fmt.Errorf("the git-poller cannot be asked: %w", err)
	}
	for s.Ended < want {
		select {
		case <-ctx.Done():
			return s, unfinished(&s, want)
		case <-time.After(20 * time.Millisecond):
		}
		if s, err = r.Status(); err != nil {
			return s, err
		}
	}
	return s, nil
}

// unfinished says how far the poller has come.
func unfinished(s *gitstatus.Status, want int) error {
	if s.Begun >= want {
		return errors.New("the poll has begun and is not finished yet; see git-poller status")
	}
	return errors.New("the git-poller has not finished the poll before this one; see git-poller status")
}
