// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pillion-dev/pillion/test/node/outside"
)

// nodeVariable is the environment variable that names the node which a command
// means, if that is not the one of "up".
const nodeVariable = "PILLION_NODE"

func nodeName() string { return cmp.Or(os.Getenv(nodeVariable), upName) }

// upName is the name of the one node that "up" starts.
const upName = "pillion-node"

// A Status is what a supervisor says of its node. PID is 0 while it starts.
type Status struct {
	PID        int
	Kubeconfig string
	Binaries   string
	Dir        string
}

func statusOf(n *outside.Node) Status {
	return Status{PID: n.PID(), Kubeconfig: n.Kubeconfig(), Binaries: n.Binaries, Dir: n.Dir}
}

// A control answers, for as long as its process lives, at a socket that has a
// name but no file, so that nothing of it can be left over.
type control struct {
	net.Listener

	mu     sync.Mutex
	status Status
	down   func() // told to end the node
}

// serve returns an error that is unix.EADDRINUSE if the name is taken.
func serve(name string, down func()) (*control, error) {
	l, err := net.Listen("unix", "@"+name) //nolint:noctx // it does not wait
	if err != nil {
		return nil, err
	}
	c := &control{Listener: l, down: down}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.answer(conn)
		}
	}()
	return c, nil
}

func (c *control) set(s Status) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = s
}

// answer says what the status is, and takes "down" from our own user or root. It
// leaves the connection open until the process ends: that is how the other side
// sees the end.
func (c *control) answer(conn net.Conn) {
	c.mu.Lock()
	status := c.status
	c.mu.Unlock()
	if err := json.NewEncoder(conn).Encode(status); err != nil {
		conn.Close()
		return
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || line != "down\n" || !trusted(conn) {
		conn.Close()
		return
	}
	c.down()
}

func trusted(conn net.Conn) bool {
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return false
	}
	raw, err := unixConn.SyscallConn()
	if err != nil {
		return false
	}
	peer := -1
	err = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			peer = int(cred.Uid)
		}
	})
	return err == nil && (peer == 0 || peer == os.Geteuid())
}

// errNotUp means that nobody answers.
var errNotUp = errors.New(`no node is up; "up" starts one`)

// ask returns the status of the node of that name. If it is told to go down, ask
// returns when its supervisor has ended.
func ask(ctx context.Context, name string, goDown bool) (Status, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", "@"+name)
	if errors.Is(err, unix.ECONNREFUSED) {
		return Status{}, errNotUp
	}
	if err != nil {
		return Status{}, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	var s Status
	lines := json.NewDecoder(conn)
	if err := lines.Decode(&s); err != nil {
		return Status{}, fmt.Errorf("the node does not answer: %w", err)
	}
	if !goDown {
		return s, nil
	}
	if _, err := io.WriteString(conn, "down\n"); err != nil {
		return s, err
	}
	_, err = io.Copy(io.Discard, conn)
	return s, err
}
