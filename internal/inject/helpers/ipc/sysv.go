// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/option"
)

// systemV is a comma list of msg:KEY, sem:KEY:N and shm:KEY:SIZE.
var systemV = option.Kind{
	Name: "System V objects", Pattern: option.ByName(sysvName),
	Parse: func(text string) (option.Value, error) { return parseObjects(text, parseSysV) },
}

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
		size, err := option.ReadSize(amount)
		if err != nil || size.Number < 1 {
			return object{}, fmt.Errorf("must say how many bytes the segment has: shm:%s:1Mi", key)
		}
		front += fmt.Sprintf(":%d", size.Number)
	}
	return object{name: name, path: path, kind: kind}.withAttributes(front, query, has, plainAttributes)
}

// parseSysVKey reads a kind and a key; the canonical form of both is the name.
func parseSysVKey(kind, text string) (name, path string, err error) {
	if kind != "msg" && kind != "sem" && kind != "shm" {
		return "", "", errors.New("must be msg:KEY, sem:KEY:COUNT or shm:KEY:SIZE")
	}
	key, path, err := option.SysVKey(text)
	return kind + ":" + key, path, err
}

// sysvName reads kind:key, as the patterns of a policy name an object.
func sysvName(text string) (string, error) {
	kind, key, _ := strings.Cut(text, ":")
	name, _, err := parseSysVKey(kind, key)
	return name, err
}
