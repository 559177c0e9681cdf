// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"fmt"
	"sync"
)

// What is parsed while it is read takes many times its own size: a header of 16 KiB in lines of
// four bytes takes half a MiB, and a TLS client can offer 64 KiB of names of protocols, which is
// as bad. These bound it, together with maxHeaderBytes.
const (
	// Go's client and OpenSSL's send less than 2 KiB, and twice that to a server that asks them
	// to begin again.
	maxHandshake = 6 << 10
	// With the client's certificate and those between it and its CA.
	maxCertifiedHandshake = 32 << 10
	maxHeaderLines        = 64 // the API server sends about 8
)

// reading bounds what a client may send before it is asked whether it is welcome. The zero
// value bounds nothing.
type reading struct {
	mu      sync.Mutex // net/http waits for the next request beside the handler
	shaking bool
	left    int // bytes of the handshake

	counting bool // of the lines of a header
	lines    int
	begun    bool // the last line has a string
}

// handshake begins to count bytes.
func (r *reading) handshake(certified bool) {
	r.shaking, r.left = true, maxHandshake
	if certified {
		r.left = maxCertifiedHandshake
	}
}

// requests ends the handshake.
func (r *reading) requests() {
	r.shaking = false
	r.next()
}

// next begins to count the lines of the next request's header.
func (r *reading) next() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counting, r.lines, r.begun = true, 0, false
}

// header counts the lines of the header in the bytes that were read. What follows the empty line
// at its end is not counted.
func (r *reading) header(b []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.counting {
		line, rest, ended := bytes.Cut(b, []byte("\n"))
		r.begun = r.begun || len(bytes.TrimSuffix(line, []byte("\r"))) > 0
		if !ended {
			break
		}
		r.counting = r.begun
		if r.lines++; r.lines > maxHeaderLines {
			return fmt.Errorf("the header of the request has more than %d lines", maxHeaderLines)
		}
		b, r.begun = rest, false
	}
	return nil
}

// Read is bounded during the handshake.
func (c *conn) Read(p []byte) (int, error) {
	r := &c.reading
	if !r.shaking {
		return c.TCPConn.Read(p)
	}
	if r.left == 0 {
		return 0, fmt.Errorf("the TLS handshake is longer than is taken, %d bytes or %d with a client's certificate", maxHandshake, maxCertifiedHandshake)
	}
	n, err := c.TCPConn.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}
