// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"container/list"
	"maps"
	"net"
	"net/netip"
	"sync"
	"time"
)

// provenFor is how long after a good review the connections of its source may wait
// unused: longer than kube-apiserver keeps one. Its transport opens a connection for each
// call that finds none idle, and pools it unused if another becomes idle first
// (net/http, Transport.dialConnFor).
const provenFor = idleTimeout

// manyFewer is how many connections that wait a source with good reviews may have for each one
// of a source without: more than kube-apiserver keeps for a webhook, which is 25. From a thousand
// addresses one connection each is little, and what an API server opens at once is not.
const manyFewer = 32

// room bounds the connections of one port, so that a client that reaches the port can fill
// neither the memory nor the places of others. Nothing proves who a caller is, unless
// client certificates are asked for; what counts is what a connection has done:
//
//   - It has answered a good review and is kept: it is never closed from our side while it
//     is idle, see idleTimeout. At most half of the room is for these. Beyond that a
//     review is answered all the same, with "Connection: close".
//   - It has not: it waits for one, with all others in the room that is left, and not for
//     long. If there is none, the next connection takes the place of the oldest one of
//     whichever source has the most of them, where those of sources with good reviews
//     count little: see manyFewer.
//
// One source, which is an IP address, has a limit of its own, and its next connection is
// closed when it is accepted. Behind one address there may be all API servers (NAT,
// konnectivity) and others too, so from an address with good reviews the next connection
// is let in, and takes the place of the oldest one that waits.
type room struct {
	most      int // connections in all
	perSource int
	turned    func(why turnedAway) // told of each connection that is closed because of a limit

	mu      sync.Mutex
	sources map[netip.Addr]*source // those with connections, and some that had good reviews
	open    int
	kept    int
}

// turnedAway is why a connection was closed because of a limit: a metric label.
type turnedAway string

const (
	ofSource  turnedAway = "source"    // closed when it was accepted: its source has all that one may have
	ofPort    turnedAway = "full"      // closed when it was accepted: no source has as many that wait
	displaced turnedAway = "displaced" // its place was taken by another one
)

// source is what the connections of one address have in common.
type source struct {
	open, kept int
	waiting    list.List // of *conn: those that are not kept, the oldest first
	reviewed   time.Time // when there last was a good review
}

func (s *source) proven() bool { return time.Since(s.reviewed) < provenFor }

// crowd is how much the connections of the source that wait are in the way of others.
func (s *source) crowd() int {
	if s.proven() {
		return s.waiting.Len()
	}
	return manyFewer * s.waiting.Len()
}

// conn is a connection that has a place in a room, until it is closed.
type conn struct {
	*net.TCPConn
	room     *room
	reading  reading
	from     netip.Addr
	source   *source
	place    *list.Element // in source.waiting; nil if the connection is kept or has left
	kept     bool
	accepted time.Time
}

func newRoom(most, perSource int, turned func(turnedAway)) *room {
	return &room{most: most, perSource: perSource, turned: turned, sources: map[netip.Addr]*source{}}
}

// admit gives a connection a place, or closes it and returns nil.
func (r *room) admit(tcp *net.TCPConn) *conn {
	c := &conn{TCPConn: tcp, room: r, from: address(tcp), accepted: time.Now()}
	leaves, why := r.enter(c)
	if why != "" {
		r.turned(why)
	}
	if leaves == nil {
		return c
	}
	_ = leaves.TCPConn.Close()
	if leaves == c {
		return nil
	}
	return c
}

// enter finds the connection that has to leave, which can be the new one. If none has
// to, why is "".
func (r *room) enter(c *conn) (leaves *conn, why turnedAway) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sources[c.from]
	if s == nil {
		s = &source{}
	}
	from := s // the source that one connection fewer will have
	switch {
	case s.open >= r.perSource && !s.proven():
		return c, ofSource
	case s.open >= r.perSource:
	case r.open >= r.most:
		from = r.largest(s)
	default:
		from = nil
	}
	if from != nil {
		if leaves = from.oldest(); leaves == nil || from != s && from.crowd() < s.crowd() {
			return c, ofPort
		}
		why = displaced
		r.remove(leaves)
	}
	if len(r.sources) >= 2*r.most {
		maps.DeleteFunc(r.sources, func(_ netip.Addr, s *source) bool { return s.open == 0 })
	}
	c.source, r.sources[c.from] = s, s
	c.place = s.waiting.PushBack(c)
	s.open++
	r.open++
	return leaves, why
}

// oldest is the connection that waits the longest; nil if none does.
func (s *source) oldest() *conn {
	if s.waiting.Len() == 0 {
		return nil
	}
	return s.waiting.Front().Value.(*conn) //nolint:errcheck // the list holds nothing else
}

// largest is the source whose connections that wait crowd the room most, besides one. Among
// equals it is the one that waits the longest.
func (r *room) largest(besides *source) *source {
	largest := &source{}
	for _, s := range r.sources {
		if s == besides || s.waiting.Len() == 0 {
			continue
		}
		order := cmp.Compare(s.crowd(), largest.crowd())
		if order > 0 || order == 0 && s.oldest().accepted.Before(largest.oldest().accepted) {
			largest = s
		}
	}
	return largest
}

// remove takes a connection out of the accounts; a second time it does nothing.
func (r *room) remove(c *conn) {
	switch {
	case c.place != nil:
		c.source.waiting.Remove(c.place)
		c.place = nil
	case c.kept:
		c.kept = false
		c.source.kept--
		r.kept--
	default:
		return
	}
	r.open--
	if c.source.open--; c.source.open == 0 && !c.source.proven() {
		delete(r.sources, c.from)
	}
}

// Close gives the place back.
func (c *conn) Close() error {
	c.room.mu.Lock()
	c.room.remove(c)
	c.room.mu.Unlock()
	return c.TCPConn.Close()
}

// reviewed is to be called when a good review is about to be answered. It reports whether
// the connection may stay open after that.
func (c *conn) reviewed() bool {
	r := c.room
	r.mu.Lock()
	defer r.mu.Unlock()
	c.source.reviewed = time.Now()
	if c.place != nil && r.kept < r.most/2 && c.source.kept < r.perSource/2 {
		c.source.waiting.Remove(c.place)
		c.place, c.kept = nil, true
		c.source.kept++
		r.kept++
	}
	return c.kept
}

// prove notes a good request, on a port whose connections are not kept.
func (c *conn) prove() {
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	c.source.reviewed = time.Now()
}

// proven reports whether the source of the connection has had a good review lately.
func (c *conn) proven() bool {
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	return c.source.proven()
}

// count is how many connections are open.
func (r *room) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open
}

// address is where a connection comes from, the same for all spellings of an IPv4 address.
func address(tcp *net.TCPConn) netip.Addr {
	at, ok := tcp.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{} // it is gone already
	}
	return at.AddrPort().Addr().Unmap().WithZone("")
}

// limited is a listener whose connections have a place in a room.
type limited struct {
	*net.TCPListener
	room *room
}

func (l limited) Accept() (net.Conn, error) {
	for {
		tcp, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		if c := l.room.admit(tcp); c != nil {
			return c, nil
		}
	}
}
