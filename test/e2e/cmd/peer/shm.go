// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"
)

// object is shm_open(3) and mmap(2). As with those, memory that is not there is not
// noticed before it is written to.
func object(flags int, args []string) ([]byte, error) {
	mib, err := strconv.Atoi(args[1])
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile("/dev/shm/"+args[0], flags, 0o644)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if flags&os.O_CREATE != 0 {
		if err := file.Truncate(int64(mib) << 20); err != nil {
			return nil, err
		}
		return syscall.Mmap(int(file.Fd()), 0, mib<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	}
	return syscall.Mmap(int(file.Fd()), 0, mib<<20, syscall.PROT_READ, syscall.MAP_SHARED)
}

func shmWrite(args ...string) error {
	memory, err := object(os.O_CREATE|os.O_RDWR, args)
	if err != nil {
		return err
	}
	for i := range memory {
		memory[i] = byte(i % 251)
	}
	fmt.Println("wrote", len(memory), "bytes")
	return os.WriteFile("/dev/shm/"+args[0]+".complete", nil, 0o644)
}

func shmRead(args ...string) error {
	for {
		_, err := os.Stat("/dev/shm/" + args[0] + ".complete")
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	memory, err := object(os.O_RDONLY, args)
	if err != nil {
		return err
	}
	for i := range memory {
		if memory[i] != byte(i%251) {
			return fmt.Errorf("byte %d is %d", i, memory[i])
		}
	}
	fmt.Println("read", len(memory), "bytes")
	return nil
}
