// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// KernelName checks the name of a POSIX queue or of POSIX shared memory. It is a file
// name (mq_overview(7), shm_overview(7)), of which only letters are taken that have no
// meaning anywhere else.
func KernelName(text string) (string, error) {
	name, found := strings.CutPrefix(text, "/")
	switch {
	case !found || strings.Contains(name, "/"):
		return "", errors.New("must be a name with one slash in front, such as /events")
	case name == "" || name == "." || name == ".." || len(name) > MaxSegment || strings.Trim(name, nameLetters) != "":
		return "", fmt.Errorf("must be a slash and at most %d letters, digits, '-', '_' or '.', such as /events", MaxSegment)
	}
	return text, nil
}

const nameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// SysVKey reads a System V key: a number, or ftok(path,id) with the id as a number or
// one character. The path is that of the latter.
func SysVKey(text string) (key, path string, err error) {
	if inner, found := strings.CutPrefix(text, "ftok("); found {
		return parseFtok(inner)
	}
	digits, base := text, 10
	if hex, found := strings.CutPrefix(strings.ToLower(text), "0x"); found {
		digits, base = hex, 16
	} else if len(text) > 1 && text[0] == '0' {
		return "", "", errors.New("has a key that begins with 0, which some read as octal; write 0x and hexadecimal digits")
	}
	n, err := strconv.ParseUint(digits, base, 32)
	switch {
	case err != nil:
		return "", "", errors.New("has no valid key: a key is a number of 32 bits, such as 4660 or 0x1234, or ftok(/run/ipc,65)")
	case n == 0:
		return "", "", errors.New("has the key 0, IPC_PRIVATE, under which nobody can find an object again")
	}
	return fmt.Sprintf("0x%08x", n), "", nil
}

func parseFtok(inner string) (key, path string, err error) {
	inner, closed := strings.CutSuffix(inner, ")")
	comma := strings.LastIndexByte(inner, ',')
	if !closed || comma < 0 {
		return "", "", errors.New("has no valid key: write ftok(path,id), such as ftok(/run/ipc,65)")
	}
	path, id := strings.TrimSpace(inner[:comma]), strings.TrimSpace(inner[comma+1:])
	if err := PlainPath(path); err != nil {
		return "", "", fmt.Errorf("has an ftok path that %w", err)
	}
	n, err := strconv.ParseUint(id, 10, 8)
	if err != nil && len(id) == 1 {
		n, err = uint64(id[0]), nil
	}
	if err != nil || n == 0 { // ftok(3) takes the lowest eight bits, which must not be 0
		return "", "", errors.New("has an ftok id that is neither a number from 1 to 255 nor one character")
	}
	return fmt.Sprintf("ftok(%s,%d)", path, n), path, nil
}

// PlainPath checks a path in a container that nothing is mounted at.
func PlainPath(text string) error {
	switch {
	case !strings.HasPrefix(text, "/"):
		return errors.New("must be absolute, such as /run/ipc")
	case path.Clean(text) != text:
		return fmt.Errorf("must be clean: write %q", path.Clean(text))
	case strings.ContainsAny(text, ListLetters):
		return fmt.Errorf("must not contain any of %s", ListLetters)
	}
	return Segments(text[1:])
}

// ListLetters have a meaning in a list of objects or in an object's attributes.
const ListLetters = "?&,()"

// Octal reads the permission bits of a file.
func Octal(text string) (int64, error) {
	if !digits(text) {
		return 0, errors.New("not octal")
	}
	n, err := strconv.ParseInt(text, 8, 64)
	if err == nil && n > 0o777 {
		err = errors.New("more than permission bits")
	}
	return n, err
}
