// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Key names a System V object: a number, or a path and an id from which ftok(3)
// makes one.
type Key struct {
	Number int32
	Path   string // for ftok; "" for a number
	ID     byte
}

// ParseKey reads "0x00001234" or "ftok(/run/ipc,65)".
func ParseKey(text string) (Key, error) {
	if inner, ok := strings.CutPrefix(text, "ftok("); ok {
		inner, closed := strings.CutSuffix(inner, ")")
		i := strings.LastIndexByte(inner, ',')
		if !closed || i < 1 || inner[0] != '/' {
			return Key{}, fmt.Errorf("the key %q must be ftok(PATH,ID), with a path that begins with a slash", text)
		}
		id, err := strconv.ParseUint(inner[i+1:], 10, 8)
		if err != nil || id == 0 {
			return Key{}, fmt.Errorf("the id of the key %q must be a number between 1 and 255, not %q", text, inner[i+1:])
		}
		return Key{Path: inner[:i], ID: byte(id)}, nil
	}
	digits, hex := strings.CutPrefix(text, "0x")
	n, err := strconv.ParseUint(digits, 16, 32)
	if !hex || err != nil || n == 0 { // 0 is IPC_PRIVATE, which nobody else can find
		return Key{}, fmt.Errorf("the key %q must be a number between 0x00000001 and 0xffffffff, or ftok(PATH,ID)", text)
	}
	return Key{Number: int32(uint32(n))}, nil
}

func (k Key) String() string {
	if k.Path != "" {
		return fmt.Sprintf("ftok(%s,%d)", k.Path, k.ID)
	}
	return fmt.Sprintf("0x%08x", uint32(k.Number))
}

// Value is the number of the key. For a path it is what ftok(3) of the GNU C
// library returns in this container: the lowest 8 bits of the id and of the device,
// and the lowest 16 of the inode (sysvipc/ftok.c). musl computes the same.
func (k Key) Value() (int32, error) {
	if k.Path == "" {
		return k.Number, nil
	}
	info, err := os.Stat(k.Path)
	if err != nil {
		return 0, fmt.Errorf("its key needs a path that exists in this container: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("the inode of %s is not known", k.Path)
	}
	return int32(uint32(k.ID)<<24 | uint32(uint64(stat.Dev)&0xff)<<16 | uint32(stat.Ino&0xffff)), nil
}
