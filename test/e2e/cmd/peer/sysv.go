// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// get finds an object that somebody else has made. Its key is a number, or else the
// path of ftok(3) with the id 65.
func get(call uintptr, text string) (id uintptr, err error) {
	key, err := strconv.ParseUint(text, 0, 32)
	var info syscall.Stat_t
	if strings.HasPrefix(text, "/") {
		err = syscall.Stat(text, &info)
		key = 65<<24 | info.Dev&0xff<<16 | info.Ino&0xffff
	}
	if err != nil {
		return 0, err
	}
	id, _, errno := syscall.Syscall(call, uintptr(key), 0, 0)
	if errno != 0 {
		return 0, fmt.Errorf("there is no object with the key %s: %w", text, errno)
	}
	return id, nil
}

func msgSend(args ...string) error {
	id, err := get(unix.SYS_MSGGET, args[0])
	if err != nil {
		return err
	}
	message := append(binary.NativeEndian.AppendUint64(nil, 1), args[1]...)
	if _, _, errno := syscall.Syscall6(unix.SYS_MSGSND, id, uintptr(unsafe.Pointer(&message[0])), uintptr(len(args[1])), 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

func msgReceive(args ...string) error {
	id, err := get(unix.SYS_MSGGET, args[0])
	if err != nil {
		return err
	}
	message := make([]byte, 8+8192)
	n, _, errno := syscall.Syscall6(unix.SYS_MSGRCV, id, uintptr(unsafe.Pointer(&message[0])), 8192, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	fmt.Printf("%s\n", message[8:8+n])
	return nil
}

func semPost(args ...string) error { return semOp(args[0], 1) }

func semWait(args ...string) error { return semOp(args[0], -1) }

// semOp changes the last of three semaphores.
func semOp(key string, by int16) error {
	id, err := get(unix.SYS_SEMGET, key)
	if err != nil {
		return err
	}
	op := struct {
		num     uint16
		op, flg int16
	}{2, by, 0}
	if _, _, errno := syscall.Syscall(unix.SYS_SEMOP, id, uintptr(unsafe.Pointer(&op)), 1); errno != 0 {
		return errno
	}
	return nil
}

func attach(key string) ([]byte, error) {
	id, err := get(unix.SYS_SHMGET, key)
	if err != nil {
		return nil, err
	}
	return unix.SysvShmAttach(int(id), 0, 0)
}

func segmentPut(args ...string) error {
	segment, err := attach(args[0])
	if err != nil {
		return err
	}
	copy(segment[1:], args[1])
	segment[0] = byte(len(args[1])) // the reader looks at it first
	return nil
}

func segmentGet(args ...string) error {
	segment, err := attach(args[0])
	if err != nil {
		return err
	}
	for segment[0] == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Printf("%s\n", bytes.Clone(segment[1:1+segment[0]]))
	return nil
}
