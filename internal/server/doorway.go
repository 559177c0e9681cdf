// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"
)

// doorway is the listener of the serving port. It shakes hands, and hands a connection to
// net/http only when the first byte of a request is there: what connects and says nothing
// costs no more than its TLS state, and how long it may say nothing is decided here.
// net/http's own limits of time begin with that byte.
type doorway struct {
	limited
	config   *tls.Config
	patience time.Duration                  // for the handshake, and for the first request after it
	failed   func(from net.Addr, err error) // told of each handshake that failed
	log      *slog.Logger

	begun  chan net.Conn
	closed context.Context
	close  context.CancelFunc
}

// run accepts connections until the doorway is closed. What else may fail passes, such as
// too many open files, and is tried again.
func (d *doorway) run() {
	const pause = 50 * time.Millisecond
	for {
		accepted, err := d.limited.Accept()
		switch {
		case err == nil:
			go d.greet(accepted.(*conn)) //nolint:errcheck // a room admits nothing else
		case errors.Is(err, net.ErrClosed):
			return
		default:
			d.log.Warn("cannot accept a connection", "error", err.Error())
			time.Sleep(pause)
		}
	}
}

// Accept returns the next connection on which a request has begun.
func (d *doorway) Accept() (net.Conn, error) {
	select {
	case c := <-d.begun:
		return c, nil
	case <-d.closed.Done():
		return nil, net.ErrClosed
	}
}

// Close ends the listener and the connections on which no request has begun.
func (d *doorway) Close() error {
	d.close()
	return d.limited.Close()
}

// greet shakes hands.
func (d *doorway) greet(c *conn) {
	stop := context.AfterFunc(d.closed, func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(d.patience)) // fails only if the connection has, as the next step will
	secured := tls.Server(c, d.config)
	if err := d.handshake(c, secured); err != nil {
		explain(err)
		d.failed(c.RemoteAddr(), err)
		stop()
		_ = c.Close()
		return
	}
	// On a new stack: the handshake's has grown to tens of KiB.
	go d.await(c, secured, stop)
}

// handshake is bounded in bytes, since what a client offers is held until it answers. A panic in
// it costs the connection, as it does where net/http shakes hands.
func (d *doorway) handshake(c *conn, secured *tls.Conn) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the TLS handshake panicked: %T", v)
			d.log.Error("the TLS handshake panicked", "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
		}
	}()
	c.reading.handshake(d.config.ClientAuth != tls.NoClientCert)
	defer c.reading.requests()
	return secured.HandshakeContext(context.Background())
}

// await waits for the first byte of the first request. After the usual patience an unused
// connection ends, unless an API server may have it in its pool: see provenFor.
func (d *doorway) await(c *conn, secured *tls.Conn, stop func() bool) {
	var first [1]byte
	_ = c.SetDeadline(time.Now().Add(d.patience))
	_, err := io.ReadFull(secured, first[:])
	if errors.Is(err, os.ErrDeadlineExceeded) && c.proven() {
		_ = c.SetDeadline(c.accepted.Add(idleTimeout))
		_, err = io.ReadFull(secured, first[:])
	}
	if err == nil && stop() {
		select {
		case d.begun <- &speaking{Conn: secured, tcp: c, first: first[:]}:
			return
		case <-d.closed.Done():
		}
	}
	stop()
	_ = secured.Close()
}

// explain tells a client that speaks plain HTTP what it has met.
func explain(err error) {
	wrong := tls.RecordHeaderError{}
	if errors.As(err, &wrong) && wrong.Conn != nil {
		_, _ = io.WriteString(wrong.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nThis port speaks HTTPS.\n")
	}
}

// speaking is a connection of which the first bytes of the first request have been read.
type speaking struct {
	*tls.Conn
	tcp   *conn
	first []byte
}

func (s *speaking) Read(p []byte) (int, error) {
	if len(s.first) > 0 && len(p) > 0 {
		n := copy(p, s.first)
		s.first = s.first[n:]
		return n, s.tcp.reading.header(p[:n])
	}
	n, err := s.Conn.Read(p)
	if tooLong := s.tcp.reading.header(p[:n]); tooLong != nil {
		return 0, tooLong // a header that is whole would be served otherwise
	}
	return n, err
}
