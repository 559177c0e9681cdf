// SPDX-License-Identifier: Apache-2.0

package startorder

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pillion-dev/pillion/internal/ipc"
)

// Condition is something that an app can wait for.
type Condition struct {
	text  string
	check func(ctx context.Context, at place) error // what is seen if it does not hold
}

// place is where conditions about containers are checked.
type place struct {
	state string // the directory
	start string // see startOf
}

// AboutContainer reports whether it needs [Options.State].
func (c Condition) AboutContainer() bool {
	return strings.HasPrefix(c.text, "started:") || strings.HasPrefix(c.text, "exited:")
}

// String is the condition as it was given.
func (c Condition) String() string { return c.text }

// errAbsent is what is last seen of something that is not there.
var errAbsent = errors.New("does not exist")

// ParseCondition reads a kind, a colon, and what the kind needs. "mqueue:/name",
// "sysv-msg:KEY", "sysv-sem:KEY", "sysv-shm:KEY", "shm:/name" and "file:/path" hold
// when it exists, even if this user may not use it. "socket:/path" and "tcp:host:port" hold when
// somebody accepts a connection; "fifo:/path" when it is a named pipe;
// "http:host:port/path" when the answer to GET is one that a probe of the kubelet
// takes for good; "started:CONTAINER" and "exited:CONTAINER" hold as
// the package says.
func ParseCondition(text string) (Condition, error) {
	kind, what, _ := strings.Cut(text, ":")
	var check func(context.Context, place) error
	var err error
	switch kind {
	case "mqueue":
		err = ipc.CheckName("queue", what)
		check = exists(func() (bool, error) { return ipc.QueueExists(what) })
	case "sysv-msg", "sysv-sem", "sysv-shm":
		var key ipc.Key
		key, err = ipc.ParseKey(what)
		check = sysVExists(ipc.SysVKind(strings.TrimPrefix(kind, "sysv-")), key)
	case "shm":
		err = ipc.CheckName("shared memory", what)
		check = fileExists(filepath.Join("/dev/shm", what))
	case "file":
		err = checkPath(what)
		check = fileExists(what)
	case "fifo":
		err = checkPath(what)
		check = isFIFO(what)
	case "socket":
		err = checkPath(what)
		check = connects(what)
	case "tcp":
		err = checkAddress(what)
		check = accepts(what)
	case "http":
		check, err = answers(what)
	case "started", "exited":
		err = CheckName(what)
		check = func(_ context.Context, at place) error { return at.has(kind, what) }
	default:
		err = errors.New("it must begin with mqueue, sysv-msg, sysv-sem, sysv-shm, shm, file, socket, fifo, tcp, http, started or exited, and a colon")
	}
	if err != nil {
		return Condition{}, fmt.Errorf("the condition %q: %w", text, err)
	}
	return Condition{text, check}, nil
}

func checkPath(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("the path %q must begin with a slash", path)
	}
	return nil
}

// CheckName accepts the name of a container.
func CheckName(name string) error {
	if name == "" || len(name) > 63 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("%q must be the name of a container: small letters, digits and dashes", name)
	}
	return nil
}
