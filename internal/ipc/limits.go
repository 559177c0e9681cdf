// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// setting is a value below /proc/sys, as this pod's namespaces have it; "?" if it
// cannot be read.
func setting(path string) string {
	text, err := os.ReadFile("/proc/sys/" + path)
	if err != nil {
		return "?"
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

// said puts the name of a setting before its value, as sysctl(8) prints it.
func said(path string) string { return strings.ReplaceAll(path, "/", ".") + " is " + setting(path) }

// explain says which limit an error of mq_open(2) means, and how the limit stands.
func (q Queue) explain(err error) string {
	switch {
	case errors.Is(err, syscall.EINVAL):
		return fmt.Sprintf(": in this pod %s and %s, which maxmsg and msgsize must not exceed",
			said("fs/mqueue/msg_max"), said("fs/mqueue/msgsize_max"))
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Sprintf(": the pod has as many queues as it may have, %s", said("fs/mqueue/queues_max"))
	case errors.Is(err, syscall.EMFILE):
		return fmt.Sprintf(": it counts %d bytes, and all queues of user %d on this node together may count %s (RLIMIT_MSGQUEUE); ask for fewer or smaller queues, or for another owner",
			q.accounted(), os.Geteuid(), queueLimit())
	case errors.Is(err, syscall.ENOSYS):
		return ": the kernel of this pod has no POSIX message queues"
	}
	return ""
}

// explain says which limit an error of msgget(2), semget(2) or shmget(2) means.
func (s SysV) explain(err error) string {
	switch {
	case s.Kind == Msg && errors.Is(err, syscall.ENOSPC):
		return fmt.Sprintf(": the pod has as many message queues as it may have, %s", said("kernel/msgmni"))
	case s.Kind == Sem && errors.Is(err, syscall.EINVAL):
		return fmt.Sprintf(": %s, and the first number is the most semaphores of one set", said("kernel/sem"))
	case s.Kind == Sem && errors.Is(err, syscall.ENOSPC):
		return fmt.Sprintf(": the pod has as many semaphores as it may have: %s (of one set, of all sets, -, sets)", said("kernel/sem"))
	case s.Kind == Shm && errors.Is(err, syscall.EINVAL):
		return fmt.Sprintf(": %s bytes are the most of one segment", said("kernel/shmmax"))
	case s.Kind == Shm && errors.Is(err, syscall.ENOSPC):
		return fmt.Sprintf(": the pod's segments have reached their limit: %s pages, %s segments", said("kernel/shmall"), said("kernel/shmmni"))
	case errors.Is(err, syscall.ENOMEM):
		return ": there is not enough memory on the node, or under the limit of this container"
	case errors.Is(err, syscall.ENOSYS):
		return ": the kernel of this pod has no System V objects"
	}
	return ""
}

// explain says what stands in the way of a named pipe.
func (f FIFO) explain(err error) string {
	dir := filepath.Dir(f.Path)
	switch {
	case errors.Is(err, syscall.ENOENT):
		return fmt.Sprintf(": there is no directory %s in this container; it must be a volume that the containers share", dir)
	case errors.Is(err, syscall.EACCES):
		return fmt.Sprintf(": let user %d write to %s", os.Geteuid(), dir)
	case errors.Is(err, syscall.EROFS):
		return fmt.Sprintf(": the volume at %s is mounted read-only", dir)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Sprintf(": the volume at %s is full", dir)
	}
	return ""
}
