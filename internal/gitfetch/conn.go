// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"context"
	"net"
	"sync"
	"time"
)

// timeouts of a connection. The caller's context bounds the whole.
type timeouts struct {
	connect time.Duration // to dial, and then to agree on encryption
	idle    time.Duration // without a byte from the server, while it is to send some
}

// dial connects, and makes the connection fail when nothing moves on it.
func (t timeouts) dial(ctx context.Context, network, address string) (*idleConn, error) {
	dialer := net.Dialer{Timeout: t.connect}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &idleConn{Conn: conn, idle: t.idle}, nil
}

// idleConn gives each read and each write its own deadline, but for reads while it
// rests: between two polls a server has nothing to say.
type idleConn struct {
	net.Conn
	idle time.Duration

	mu      sync.Mutex
	resting bool
}

func (c *idleConn) Read(b []byte) (int, error) {
	if err := c.watch(); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *idleConn) watch() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.resting {
		return nil
	}
	return c.SetReadDeadline(time.Now().Add(c.idle))
}

// rest takes the deadline off a read that is under way and off those that follow;
// wake puts it on again. A nil connection has nothing to do.
func (c *idleConn) rest() { c.let(true, time.Time{}) }

func (c *idleConn) wake() {
	if c != nil {
		c.let(false, time.Now().Add(c.idle))
	}
}

func (c *idleConn) let(resting bool, deadline time.Time) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resting = resting
	_ = c.SetReadDeadline(deadline) // of a connection that is closed there is nothing to read
}

func (c *idleConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
