// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// syscallCreate asks for a System V object that is not there yet.
const syscallCreate = unix.IPC_CREAT | unix.IPC_EXCL

// queueSize is the part of struct mq_attr that can be chosen.
type queueSize struct{ maxMsg, msgSize int }

// mqAttr is struct mq_attr of linux/mqueue.h.
type mqAttr struct {
	flags, maxMsg, msgSize, curMsgs int
	_                               [4]int
}

// openQueue is mq_open(2). The kernel wants the name without its slash.
func openQueue(name string, flags int, mode uint32, size *queueSize) (fd int, err error) {
	text, err := syscall.BytePtrFromString(name[1:])
	if err != nil {
		return -1, err
	}
	var attr *mqAttr
	if size != nil {
		attr = &mqAttr{maxMsg: size.maxMsg, msgSize: size.msgSize}
	}
	r, _, errno := syscall.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(text)), uintptr(flags|syscall.O_CLOEXEC), uintptr(mode),
		uintptr(unsafe.Pointer(attr)), 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

// sizeOfQueue is mq_getattr(3).
func sizeOfQueue(fd int) (queueSize, error) {
	var attr mqAttr
	_, _, errno := syscall.Syscall(unix.SYS_MQ_GETSETATTR, uintptr(fd), 0, uintptr(unsafe.Pointer(&attr)))
	if errno != 0 {
		return queueSize{}, errno
	}
	return queueSize{attr.maxMsg, attr.msgSize}, nil
}

// getSysV is msgget(2), semget(2) or shmget(2). With the flags 0 it asks whether the
// object is there.
func getSysV(kind SysVKind, key int32, size uint64, flags int) error {
	var errno syscall.Errno
	switch kind {
	case Msg:
		_, _, errno = syscall.Syscall(unix.SYS_MSGGET, uintptr(key), uintptr(flags), 0)
	case Sem:
		_, _, errno = syscall.Syscall(unix.SYS_SEMGET, uintptr(key), uintptr(min(size, 1<<31-1)), uintptr(flags))
	case Shm:
		_, _, errno = syscall.Syscall(unix.SYS_SHMGET, uintptr(key), uintptr(size), uintptr(flags))
	}
	if errno != 0 {
		return errno
	}
	return nil
}

// queueLimit is the soft limit RLIMIT_MSGQUEUE, in bytes.
func queueLimit() string {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MSGQUEUE, &limit); err != nil {
		return "?"
	}
	return strconv.FormatUint(limit.Cur, 10)
}
