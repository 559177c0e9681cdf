// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pillion-dev/pillion/internal/ipc/ipctest"
)

func TestObjectsAreMadeAsAskedAndFoundAgain(t *testing.T) { //nolint:paralleltest // its process has one umask
	if !ipctest.Inside(t) {
		return
	}
	dir := t.TempDir()
	objects := []Object{
		Queue{"/q", 10, 1024, 0o662},
		SysV{Msg, Key{Number: 0x1234}, 0, 0o666},
		SysV{Sem, Key{Number: 0x1234}, 3, 0o606},
		SysV{Shm, Key{Number: -2}, 5000, 0o600},
		SysV{Shm, Key{Path: dir, ID: 65}, 1, 0o666},
		FIFO{filepath.Join(dir, "pipe"), 0o622},
	}
	for range 2 { // as when the init containers of a pod run again
		unix.Umask(0o077)
		if err := Create(objects); err != nil {
			t.Fatal(err)
		}
		lockSegments(t) // as an app may do
	}
	fd, err := openQueue("/q", os.O_RDWR, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	var queue, pipe syscall.Stat_t
	size, err := sizeOfQueue(fd)
	if err := errors.Join(err, syscall.Fstat(fd, &queue), syscall.Stat(filepath.Join(dir, "pipe"), &pipe)); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%v %04o %o", size, queue.Mode&0o7777, pipe.Mode); got != "{10 1024} 0662 10622" {
		t.Errorf("the queue's size and mode, and the pipe's mode, are %s", got)
	}
	for kind, want := range map[SysVKind]string{Msg: "666", Sem: "606", Shm: "600"} {
		table, err := os.ReadFile("/proc/sysvipc/" + string(kind))
		if err != nil {
			t.Fatal(err)
		}
		if f := strings.Fields(strings.Split(string(table), "\n")[1]); f[2][max(0, len(f[2])-3):] != want {
			t.Errorf("the first object of the kind %s has the mode %s, want %s", kind, f[2], want)
		}
	}
}

// lockSegments keeps the segments from being swapped out, which shows beside their
// modes.
func lockSegments(t *testing.T) {
	t.Helper()
	const shmLock = 11 // SHM_LOCK of linux/shm.h
	table, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(table)), "\n")[1:] {
		id, err := strconv.Atoi(strings.Fields(line)[1])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := unix.SysvShmCtl(id, shmLock, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnObjectThatDiffersIsLeftAlone(t *testing.T) { //nolint:paralleltest // its process has one umask
	if !ipctest.Inside(t) {
		return
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	plain := pipe + ".txt"
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	there := []Object{
		Queue{"/q", 10, 1024, 0o666},
		SysV{Msg, Key{Number: 0x1234}, 0, 0o666},
		SysV{Sem, Key{Number: 0x1234}, 3, 0o666},
		SysV{Shm, Key{Number: 0x1234}, 4096, 0o666},
		FIFO{pipe, 0o666},
	}
	if err := Create(there); err != nil {
		t.Fatal(err)
	}
	const out = "; let its creator use the same attributes, or remove it first"
	cases := []struct {
		asked Object
		want  string
	}{
		{Queue{"/q", 9, 512, 0o666}, "the queue /q exists with maxmsg 10 msgsize 1024 mode 0666 uid 0, asked were maxmsg 9 msgsize 512 mode 0666 uid 0" + out},
		{Queue{"/q", 10, 1024, 0o600}, "the queue /q exists with maxmsg 10 msgsize 1024 mode 0666 uid 0, asked were maxmsg 10 msgsize 1024 mode 0600 uid 0" + out},
		{SysV{Msg, Key{Number: 0x1234}, 0, 0o660}, "the message queue 0x00001234 exists with mode 0666 uid 0, asked were mode 0660 uid 0" + out},
		{SysV{Sem, Key{Number: 0x1234}, 4, 0o666}, "the semaphore set 0x00001234 exists with 3 semaphores mode 0666 uid 0, asked were 4 semaphores mode 0666 uid 0" + out},
		{SysV{Sem, Key{Number: 0x1234}, 2, 0o666}, "the semaphore set 0x00001234 exists with 3 semaphores mode 0666 uid 0, asked were 2 semaphores mode 0666 uid 0" + out},
		{SysV{Shm, Key{Number: 0x1234}, 8192, 0o666}, "the shared memory 0x00001234 exists with 4096 bytes mode 0666 uid 0, asked were 8192 bytes mode 0666 uid 0" + out},
		{FIFO{pipe, 0o600}, "the named pipe " + pipe + " exists with mode 0666 uid 0, asked were mode 0600 uid 0" + out},
		{FIFO{plain, 0o666}, plain + " exists and is no named pipe; give the pipe another path, or remove what is there"},
	}
	var all []Object
	var sentences []string
	for _, c := range cases {
		if err := Create([]Object{c.asked}); err == nil || err.Error() != c.want {
			t.Errorf("%+v:\n got %v\nwant %s", c.asked, err, c.want)
		}
		all, sentences = append(all, c.asked), append(sentences, c.want)
	}
	all = append(all[:3:3], append([]Object{Queue{"/new", 1, 1, 0o666}}, all[3:]...)...)
	if err := Create(all); err == nil || err.Error() != strings.Join(sentences, "\n") {
		t.Errorf("together:\n%v", err)
	}
	if made, err := QueueExists("/new"); err != nil || !made {
		t.Errorf("the one that can be made was not: %v %v", made, err)
	}
	if err := Create(there); err != nil {
		t.Errorf("what was there has changed: %v", err)
	}
}

func TestTheOwnerIsPartOfWhatWasAsked(t *testing.T) { //nolint:paralleltest // its process has one umask
	if !ipctest.Inside(t) {
		return
	}
	objects := []Object{Queue{"/q", 10, 1024, 0o666}, SysV{Sem, Key{Number: 1}, 1, 0o666}, Queue{"/closed", 1, 1, 0o600}}
	if err := Create(objects); err != nil {
		t.Fatal(err)
	}
	const want = `the queue /q exists with maxmsg 10 msgsize 1024 mode 0666 uid 0, asked were maxmsg 10 msgsize 1024 mode 0666 uid 1000; let its creator use the same attributes, or remove it first
the semaphore set 0x00000001 exists with 1 semaphores mode 0666 uid 0, asked were 1 semaphores mode 0666 uid 1000; let its creator use the same attributes, or remove it first
the queue /closed exists, and user 1000 may not read it: permission denied; let it be made with a mode like 0666`
	if err := syscall.Setresuid(1000, 1000, 1000); err != nil { // all threads
		t.Skip("only root has several users:", err)
	}
	if err := Create(objects); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if there, err := QueueExists("/closed"); err != nil || !there {
		t.Errorf("a queue that others may not read exists all the same: %v %v", there, err)
	}
	if there, err := SysVExists(Sem, 1); err != nil || !there {
		t.Errorf("a semaphore exists, even for a user who may not use it: %v %v", there, err)
	}
}

func TestALimitIsNamedWithItsValue(t *testing.T) { //nolint:paralleltest // its process has one umask
	if !ipctest.Inside(t) {
		return
	}
	dir := t.TempDir()
	for name, c := range map[string]struct {
		asked Object
		want  string
	}{
		"a queue that is too long":   {Queue{"/q", 70000, 1, 0o666}, "the queue /q with maxmsg 70000 msgsize 1 mode 0666 uid 0 cannot be made: invalid argument: in this pod fs.mqueue.msg_max is 10 and fs.mqueue.msgsize_max is 8192, which maxmsg and msgsize must not exceed"},
		"a set of too many":          {SysV{Sem, Key{Number: 1}, 40000, 0o666}, "the semaphore set 0x00000001 with 40000 semaphores mode 0666 uid 0 cannot be made: invalid argument: kernel.sem is 32000 1024000000 500 32000, and the first number is the maximum of semaphores in a set"},
		"more than there is":         {SysV{Shm, Key{Number: 1}, 1<<63 - 1, 0o666}, "the shared memory 0x00000001 with 9223372036854775807 bytes mode 0666 uid 0 cannot be made: "},
		"a pipe in no directory":     {FIFO{"/no/pipe", 0o666}, "the named pipe /no/pipe with mode 0666 uid 0 cannot be made: no such file or directory: there is no directory /no in this container; it must be a volume that the containers share"},
		"a key whose path is absent": {SysV{Msg, Key{Path: dir + "/no", ID: 65}, 0, 0o666}, "the message queue ftok(" + dir + "/no,65) cannot be made: its key needs a path that exists in this container: stat " + dir + "/no: no such file or directory"},
	} {
		err := Create([]Object{c.asked})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", name, err, c.want)
		}
	}

	var last error
	for i := 0; i < 300 && last == nil; i++ {
		last = Create([]Object{Queue{fmt.Sprintf("/n%d", i), 1, 1, 0o666}})
	}
	want := "the queue /n256 with maxmsg 1 msgsize 1 mode 0666 uid 0 cannot be made: no space left on device: the pod has as many queues as it may have, fs.mqueue.queues_max is 256"
	if last == nil || last.Error() != want {
		t.Errorf("got %v\nwant %s", last, want)
	}
}

func TestTheMemoryOfQueuesHasALimit(t *testing.T) { //nolint:paralleltest // its process has one umask
	if !ipctest.Inside(t) {
		return
	}
	runtime.LockOSThread()
	q := Queue{"/q", 10, 1024, 0o666}
	limit := unix.Rlimit{Cur: q.accounted(), Max: q.accounted()}
	if err := unix.Setrlimit(unix.RLIMIT_MSGQUEUE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := Create([]Object{q}); err != nil { // exactly as much
		t.Fatal(err)
	}
	const want = "the queue /r with maxmsg 1 msgsize 1 mode 0666 uid 0 cannot be made: too many open files: it counts 97 bytes, and all queues of user 0 on this node together may count 11200 (RLIMIT_MSGQUEUE); ask for fewer or smaller queues, or for another owner"
	if err := Create([]Object{Queue{"/r", 1, 1, 0o666}}); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// The directory of a pipe is a volume, and is entered through no link.
func TestAPipeIsMadeInItsDirectoryAlone(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]struct {
		make func(at, outside string) error
		is   string
	}{
		"a link":       {func(at, outside string) error { return os.Symlink(outside, at) }, "is a symbolic link"},
		"a named pipe": {func(at, _ string) error { return syscall.Mkfifo(at, 0o666) }, "is a named pipe"},
		"a file":       {func(at, _ string) error { return os.WriteFile(at, nil, 0o600) }, "is a file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, outside := filepath.Join(t.TempDir(), "ipc"), t.TempDir()
			if err := plant.make(dir, outside); err != nil {
				t.Fatal(err)
			}
			pipe := filepath.Join(dir, "events")
			want := "the named pipe " + pipe + " cannot be made: " + dir + " " + plant.is + ", and only a directory is opened there: another container may have put it there; remove it"
			if err := (FIFO{pipe, 0o666}).create(); err == nil || err.Error() != want {
				t.Errorf("got %v\nwant %s", err, want)
			}
			if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
				t.Errorf("outside is %v (%v)", left, err)
			}
		})
	}
}
