// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// maxSemaphores is how many a set can have: SEMMSL (linux/sem.h).
const maxSemaphores = 32000

// parseSysV reads msg:KEY, sem:KEY:N or shm:KEY:SIZE.
func parseSysV(text string) (object, error) {
	front, query, has := strings.Cut(text, "?")
	kind, rest, found := strings.Cut(front, ":")
	key, amount := rest, ""
	// The path of an ftok key may have a colon; behind its parenthesis there is the amount.
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, ')') {
		key, amount = rest[:i], rest[i+1:]
	}
	if !found {
		kind = ""
	}
	name, path, err := parseSysVKey(kind, key)
	if err != nil {
		return object{}, err
	}
	front = name
	switch {
	case kind == "msg" && amount != "":
		return object{}, errors.New("has something behind the key, and a message queue has no size")
	case kind == "sem":
		n, err := strconv.ParseInt(amount, 10, 64)
		if err != nil || n < 1 || n > maxSemaphores {
			return object{}, fmt.Errorf("must say how many semaphores the set has, from 1 to %d: sem:%s:3", maxSemaphores, key)
		}
		front += fmt.Sprintf(":%d", n)
	case kind == "shm":
		size, err := parseSize(amount)
		if err != nil || size.num < 1 {
			return object{}, fmt.Errorf("must say how many bytes the segment has: shm:%s:1Mi", key)
		}
		front += fmt.Sprintf(":%d", size.num)
	}
	return object{name: name, path: path, kind: kind}.withAttributes(front, query, has, plainAttributes)
}

// parseSysVKey reads a kind and a key; the canonical form of both is the name.
func parseSysVKey(kind, text string) (name, path string, err error) {
	if kind != "msg" && kind != "sem" && kind != "shm" {
		return "", "", errors.New("must be msg:KEY, sem:KEY:COUNT or shm:KEY:SIZE")
	}
	key, path, err := parseKey(text)
	return kind + ":" + key, path, err
}

// sysvName reads kind:key, as the patterns of a policy name an object.
func sysvName(text string) (string, error) {
	kind, key, _ := strings.Cut(text, ":")
	name, _, err := parseSysVKey(kind, key)
	return name, err
}

// parseKey reads a System V key: a number, or ftok(path,id) with the id as a number or
// one character. The path is that of the latter.
func parseKey(text string) (key, path string, err error) {
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
	if err := absolutePath(path); err != nil {
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

// absolutePath checks a path in a container that nothing is mounted at.
func absolutePath(text string) error {
	switch {
	case !strings.HasPrefix(text, "/"):
		return errors.New("must be absolute, such as /run/ipc")
	case path.Clean(text) != text:
		return fmt.Errorf("must be clean: write %q", path.Clean(text))
	case strings.ContainsAny(text, objectSpecial):
		return fmt.Errorf("must not contain any of %s", objectSpecial)
	}
	return segments(text[1:])
}
