// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// ErrStopped is what Run returns when it was stopped before the drain ended.
// Connections were open, and reviews may have been cut.
var ErrStopped = errors.New("stopped before the drain ended")

// Options has no defaults: each field must be set, except for those that say so.
type Options struct {
	Listen       string // address of the TLS port, such as ":8443"
	HealthListen string // address of the plain port for probes and metrics

	Handler      http.Handler
	Certificates *Certificates

	Clients *Clients // who may call; nil is everybody

	MinTLS  uint16 // tls.VersionTLS12 or tls.VersionTLS13. Zero: TLS 1.2
	MaxBody int64  // largest request body in bytes
	Bodies  int64  // the maximum that all bodies may hold at one time, in bytes; at least twice MaxBody, see budget

	Connections          int // the maximum that may be open on the TLS port; see room
	ConnectionsPerSource int // the maximum from one IP address; at most Connections

	DrainMin time.Duration // see Run
	DrainMax time.Duration // see Run

	Log     *slog.Logger
	Metrics *Metrics
}

// Server owns the two ports. Use New, then Run once.
type Server struct {
	opts     Options
	serving  atomic.Bool
	draining atomic.Bool
	bodies   budget
	room     *room // of the serving port
	patience time.Duration

	mu               sync.Mutex
	addr, healthAddr net.Addr
}

// Addrs are the addresses of the serving and the health port, each nil until
// it is open. They matter when a port was given as 0.
func (s *Server) Addrs() (serving, health net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr, s.healthAddr
}

func (s *Server) setAddrs(serving, health net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addr, s.healthAddr = serving, health
}
