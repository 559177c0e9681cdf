// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// Queue is a POSIX message queue, mq_overview(7).
type Queue struct {
	Name    string // with its slash
	MaxMsg  uint32 // most messages
	MsgSize uint32 // most bytes of one message
	Mode    uint32
}

// ParseQueue reads "/name?maxmsg=10&msgsize=1024&mode=0666". What is not given is
// 10, 8192 and 0666.
func ParseQueue(text string) (Queue, error) {
	name, a, err := split(text, attributes{"maxmsg": 10, "msgsize": 8192, "mode": 0o666})
	if err != nil {
		return Queue{}, err
	}
	if err := CheckName("queue", name); err != nil {
		return Queue{}, err
	}
	return Queue{Name: name, MaxMsg: a["maxmsg"], MsgSize: a["msgsize"], Mode: a["mode"]}, nil
}

// CheckName accepts what glibc does for mq_open(3) and shm_open(3), where its
// manual is strict: a slash, and up to 255 bytes without one. What names the kind
// of object in the error.
func CheckName(what, name string) error {
	if len(name) < 2 || len(name) > 256 || name[0] != '/' || strings.ContainsAny(name[1:], "/\x00") || name == "/." || name == "/.." {
		return fmt.Errorf("the name %q of the %s must be a slash and 1 to 255 characters without a slash, such as /jobs", name, what)
	}
	return nil
}

// QueueExists reports whether there is a queue of that name, even if this user may not use it.
func QueueExists(name string) (bool, error) {
	fd, err := openQueue(name, syscall.O_RDONLY|syscall.O_NONBLOCK, 0, nil)
	switch {
	case err == nil:
		syscall.Close(fd)
		return true, nil
	case errors.Is(err, syscall.ENOENT):
		return false, nil
	case errors.Is(err, syscall.EACCES):
		return true, nil
	}
	return false, err
}

func (q Queue) create() error {
	fd, err := openQueue(q.Name, syscall.O_CREAT|syscall.O_EXCL|syscall.O_RDONLY, q.Mode, &queueSize{int(q.MaxMsg), int(q.MsgSize)})
	switch {
	case err == nil:
		return syscall.Close(fd)
	case errors.Is(err, syscall.EEXIST):
		return q.compare()
	}
	return fmt.Errorf("the queue %s with %s cannot be made: %w%s", q.Name, q.attributes(mine(q.Mode)), err, q.explain(err))
}

func (q Queue) attributes(a access) string {
	return fmt.Sprintf("maxmsg %d msgsize %d %s", q.MaxMsg, q.MsgSize, a)
}

// compare checks the queue that is there.
func (q Queue) compare() error {
	var fd int
	var err error
	for _, flag := range []int{syscall.O_RDONLY, syscall.O_WRONLY} {
		if fd, err = openQueue(q.Name, flag|syscall.O_NONBLOCK, 0, nil); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("the queue %s exists, and user %d may not read it: %w; let it be made with a mode like 0666", q.Name, syscall.Geteuid(), err)
	}
	defer syscall.Close(fd)
	var info syscall.Stat_t
	size, err := sizeOfQueue(fd)
	if err == nil {
		err = syscall.Fstat(fd, &info) // a queue is a file, of a file system of its own
	}
	if err != nil {
		return fmt.Errorf("the queue %s exists, but its attributes cannot be read: %w", q.Name, err)
	}
	is := Queue{MaxMsg: uint32(size.maxMsg), MsgSize: uint32(size.msgSize)}.attributes(access{uint32(info.Mode) & 0o777, info.Uid})
	return differs("the queue "+q.Name, is, q.attributes(mine(q.Mode)))
}

// accounted is how many bytes the queue counts against RLIMIT_MSGQUEUE on a 64-bit
// machine: getrlimit(2), with the sizes of the kernel's structs msg_msg and
// posix_msg_tree_node.
func (q Queue) accounted() uint64 {
	const message, priority, priorities = 48, 48, 32768
	n := uint64(q.MaxMsg)
	return n*message + min(n, priorities)*priority + n*uint64(q.MsgSize)
}

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
