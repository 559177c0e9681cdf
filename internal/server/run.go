// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
)

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
