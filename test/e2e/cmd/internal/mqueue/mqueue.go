// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package mqueue is the part of mq_overview(7) that the stories' programs need.
package mqueue

import (
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// attr is struct mq_attr of linux/mqueue.h.
type attr struct {
	flags, maxMsg, msgSize, curMsgs int
	_                               [4]int
}

// Create is mq_open(3) for a writer that makes the queue if there is none.
func Create(name string, mode uint32, maxMsg, msgSize int) (fd int, err error) {
	return open(name, syscall.O_CREAT|syscall.O_WRONLY, mode, &attr{maxMsg: maxMsg, msgSize: msgSize})
}

// Open is mq_open(3) for a reader.
func Open(name string) (fd int, err error) { return open(name, syscall.O_RDONLY, 0, nil) }

func open(name string, flags int, mode uint32, a *attr) (int, error) {
	text, err := syscall.BytePtrFromString(strings.TrimPrefix(name, "/"))
	if err != nil {
		return -1, err
	}
	fd, _, errno := syscall.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(text)), uintptr(flags), uintptr(mode), uintptr(unsafe.Pointer(a)), 0, 0)
	return int(fd), failed(errno)
}

// Send is mq_send(3).
func Send(fd int, message []byte) error {
	_, _, errno := syscall.Syscall6(unix.SYS_MQ_TIMEDSEND, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(message))), uintptr(len(message)), 0, 0, 0)
	return failed(errno)
}

// Receive is mq_receive(3).
func Receive(fd int, buffer []byte) (n int, err error) {
	r, _, errno := syscall.Syscall6(unix.SYS_MQ_TIMEDRECEIVE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buffer))), uintptr(len(buffer)), 0, 0, 0)
	return int(r), failed(errno)
}

// Unlink is mq_unlink(3).
func Unlink(name string) error {
	text, err := syscall.BytePtrFromString(strings.TrimPrefix(name, "/"))
	if err != nil {
		return err
	}
	_, _, errno := syscall.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(text)), 0, 0)
	return failed(errno)
}

func failed(errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}
