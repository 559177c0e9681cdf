// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

// SysV is a System V object, sysvipc(7).
type SysV struct {
	Kind SysVKind
	Key  Key
	Size uint64 // how many semaphores, or how many bytes of memory; 0 for a message queue
	Mode uint32
}

// ParseSysV reads "msg:KEY", "sem:KEY:N" or "shm:KEY:BYTES", with "?mode=0666" behind
// it, which is also the default.
func ParseSysV(text string) (SysV, error) {
	what, a, err := split(text, attributes{"mode": 0o666})
	if err != nil {
		return SysV{}, err
	}
	kind, rest, _ := strings.Cut(what, ":")
	s := SysV{Kind: SysVKind(kind), Mode: a["mode"]}
	key, size := rest, ""
	switch s.Kind {
	case Msg:
	case Sem, Shm:
		i := strings.LastIndexByte(rest, ':')
		if i < 0 {
			return SysV{}, fmt.Errorf("%q needs a size behind the key: sem:KEY:N or shm:KEY:BYTES", text)
		}
		key, size = rest[:i], rest[i+1:]
		s.Size, err = strconv.ParseUint(size, 10, 63)
		if err != nil || s.Size == 0 {
			return SysV{}, fmt.Errorf("the size of %q must be a whole number of at least 1, not %q", text, size)
		}
	default:
		return SysV{}, fmt.Errorf("%q must begin with the kind and a colon: msg, sem or shm", text)
	}
	s.Key, err = ParseKey(key)
	return s, err
}

// SysVExists reports whether there is an object of that kind and key, whichever user may use
// it.
func SysVExists(kind SysVKind, key int32) (bool, error) {
	err := getSysV(kind, key, 0, 0)
	switch {
	case err == nil, errors.Is(err, syscall.EACCES):
		return true, nil
	case errors.Is(err, syscall.ENOENT):
		return false, nil
	}
	return false, err
}

func (s SysV) create() error {
	key, err := s.Key.Value()
	if err != nil {
		return fmt.Errorf("the %s %s cannot be made: %w", s.Kind, s.Key, err)
	}
	if s.Kind == Shm && setting("kernel/shm_rmid_forced") == "1" {
		return fmt.Errorf("the shared memory %s cannot be made: kernel.shm_rmid_forced is 1 in this pod, so the kernel would remove it as soon as ipc-init ends; set it to 0, or let the app make the segment", s.Key)
	}
	err = getSysV(s.Kind, key, s.Size, syscallCreate|int(s.Mode))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EEXIST):
		return s.compare(key)
	}
	return fmt.Errorf("the %s %s with %s cannot be made: %w%s", s.Kind, s.Key, s.attributes(s.Size, mine(s.Mode)), err, s.explain(err))
}

func (s SysV) attributes(size uint64, a access) string {
	switch s.Kind {
	case Sem:
		return fmt.Sprintf("%d semaphores %s", size, a)
	case Shm:
		return fmt.Sprintf("%d bytes %s", size, a)
	default:
		return a.String()
	}
}

// compare checks the object that is there.
func (s SysV) compare(key int32) error {
	row, err := lookUp(s.Kind, key)
	if err != nil {
		return fmt.Errorf("the %s %s exists, but its attributes cannot be read: %w", s.Kind, s.Key, err)
	}
	is := s.attributes(row.size, row.access)
	return differs(fmt.Sprintf("the %s %s", s.Kind, s.Key), is, s.attributes(s.Size, mine(s.Mode)))
}

// explain says which limit an error of msgget(2), semget(2) or shmget(2) means.
func (s SysV) explain(err error) string {
	switch {
	case s.Kind == Msg && errors.Is(err, syscall.ENOSPC):
		return fmt.Sprintf(": the pod has as many message queues as it may have, %s", said("kernel/msgmni"))
	case s.Kind == Sem && errors.Is(err, syscall.EINVAL):
		return fmt.Sprintf(": %s, and the first number is the maximum of semaphores in a set", said("kernel/sem"))
	case s.Kind == Sem && errors.Is(err, syscall.ENOSPC):
		return fmt.Sprintf(": the pod has as many semaphores as it may have: %s (of one set, of all sets, -, sets)", said("kernel/sem"))
	case s.Kind == Shm && errors.Is(err, syscall.EINVAL):
		return fmt.Sprintf(": %s bytes are the maximum of one segment", said("kernel/shmmax"))
	case s.Kind == Shm && errors.Is(err, syscall.ENOSPC):
		return fmt.Sprintf(": the pod's segments have reached their limit: %s pages, %s segments", said("kernel/shmall"), said("kernel/shmmni"))
	case errors.Is(err, syscall.ENOMEM):
		return ": there is not enough memory on the node, or under the limit of this container"
	case errors.Is(err, syscall.ENOSYS):
		return ": the kernel of this pod has no System V objects"
	}
	return ""
}
