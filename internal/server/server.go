// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// What one connection may cost us. The API server sends a review in one burst
// and waits at most 30 s for the answer.
const (
	firstTimeout  = 5 * time.Second // of the TLS handshake, and then until a request begins
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	// idleTimeout must exceed the 90 s after which kube-apiserver drops a
	// connection from its pool. A server that is the first to close can do so
	// just as the next review is sent, and kube-apiserver does not send it
	// again: the pod is refused.
	idleTimeout    = 150 * time.Second
	maxHeaderBytes = 16 << 10 // the API server's headers are some 300 bytes
)

// The health port is for kubelets, which open a connection for each probe, and for a few
// Prometheus servers.
const (
	healthConnections = 32
	healthPerSource   = 8
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
	Bodies  int64  // the most that all bodies may hold at one time, in bytes; at least twice MaxBody, see budget

	Connections          int // the most that may be open on the TLS port; see room
	ConnectionsPerSource int // the most of them from one IP address; at most Connections

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

// New prepares a server. Nothing is opened before Run.
func New(opts Options) *Server {
	s := &Server{opts: opts, bodies: budget{most: opts.Bodies}, patience: firstTimeout}
	s.room = newRoom(opts.Connections, opts.ConnectionsPerSource, s.turned("serving"))
	return s
}

// Run opens the health port, waits for a certificate, opens the serving port,
// and returns when the server is done or cannot go on.
//
// When drain ends, /readyz fails and everything else goes on: connections are
// accepted and requests answered, each answer with "Connection: close", so that
// the API server opens its next connection elsewhere. After DrainMin, the time
// in which every node learns that this endpoint is gone, Run returns nil as soon
// as no connection is open. The API server closes an unused one after 90 s, so
// DrainMax should be above that; at DrainMax what is left is shut down.
//
// When stop ends, all connections are closed at once and Run returns ErrStopped.
func (s *Server) Run(drain, stop context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	failed := make(chan error, 2) // one for each port, so that neither blocks

	healthPort, err := listen("health", s.opts.HealthListen)
	if err != nil {
		return err
	}
	s.setAddrs(nil, healthPort.Addr())
	health := s.healthServer()
	defer health.Close()
	healthRoom := newRoom(healthConnections, healthPerSource, s.turned("health"))
	running.Go(func() { report(failed, "health", health.Serve(limited{healthPort, healthRoom})) })

	// The certificate is followed through the drain too: 95 s can hold a renewal.
	following, unfollow := context.WithCancel(context.Background())
	defer unfollow()
	running.Go(func() { s.opts.Certificates.Run(following) })

	select {
	case <-s.opts.Certificates.Loaded():
	case <-drain.Done():
		return nil // nobody can have connected
	case <-stop.Done():
		return ErrStopped
	case err := <-failed:
		return err
	}

	port, err := listen("serving", s.opts.Listen)
	if err != nil {
		return err
	}
	s.setAddrs(port.Addr(), healthPort.Addr())
	doorway := s.doorway(port)
	running.Go(doorway.run)
	serving := s.servingServer()
	defer serving.Close()
	running.Go(func() { report(failed, "serving", serving.Serve(doorway)) })
	s.serving.Store(true)
	s.opts.Log.Info("serving", "address", port.Addr().String(), "health", healthPort.Addr().String())

	select {
	case <-drain.Done():
	case <-stop.Done():
		return ErrStopped
	case err := <-failed:
		return err
	}
	return s.drain(stop, serving, failed)
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

// doorway is the listener of the serving port.
func (s *Server) doorway(port *net.TCPListener) *doorway {
	d := &doorway{
		limited: limited{port, s.room}, config: s.tlsConfig(), patience: s.patience,
		failed: s.handshakeFailed, log: s.opts.Log, begun: make(chan net.Conn),
	}
	d.closed, d.close = context.WithCancel(context.Background())
	return d
}

func (s *Server) tlsConfig() *tls.Config {
	minTLS := s.opts.MinTLS
	if minTLS == 0 {
		minTLS = tls.VersionTLS12
	}
	config := &tls.Config{
		MinVersion:     minTLS,
		GetCertificate: s.opts.Certificates.GetCertificate,
		NextProtos:     []string{"http/1.1"},
		// kube-apiserver keeps no session cache: a ticket is work for nothing.
		SessionTicketsDisabled: true,
	}
	if s.opts.Clients != nil {
		s.opts.Clients.require(config)
	}
	return config
}

func (s *Server) servingServer() *http.Server {
	return &http.Server{
		Handler: &guard{
			next:     s.opts.Handler,
			maxBody:  s.opts.MaxBody,
			bodies:   &s.bodies,
			draining: &s.draining,
			metrics:  s.opts.Metrics,
			log:      s.opts.Log,
		},
		// The API server calls a Service over HTTP/1.1 only, and HTTP/2 would
		// bring resets and CONTINUATION floods. "Connection: close", on which
		// the drain rests, is HTTP/1.1 too.
		Protocols: http1Only(),
		// Nothing but the handler answers here, not even "OPTIONS *".
		DisableGeneralOptionsHandler: true,

		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       withConn,
		ErrorLog:          s.errorLog(),
		// BaseContext stays unset: a request that is being handled when the
		// drain begins must not see a cancelled context.
	}
}

// connKey is where a request's context has its *conn.
type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	if s, ok := c.(*speaking); ok {
		return context.WithValue(ctx, connKey{}, s.tcp)
	}
	return ctx
}

func http1Only() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	return &p
}

func listen(name, address string) (*net.TCPListener, error) {
	port, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot open the %s port on %q: %w", name, address, err)
	}
	return port.(*net.TCPListener), nil //nolint:errcheck // what listens on "tcp" is one
}

// report passes on why a port stopped, unless we closed it.
func report(failed chan<- error, name string, err error) {
	if !errors.Is(err, http.ErrServerClosed) {
		failed <- fmt.Errorf("the %s port failed: %w", name, err)
	}
}
