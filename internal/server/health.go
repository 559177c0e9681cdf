// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"io"
	"log"
	"net/http"
	"time"
)

// healthServer answers probes and Prometheus. It holds nothing secret: it is
// plain HTTP and open to whoever reaches the pod.
func (s *Server) healthServer() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", s.opts.Metrics.Handler())
	return &http.Server{
		Handler:           mux,
		Protocols:         http1Only(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(&errorLog{log: s.opts.Log, metrics: s.opts.Metrics}, "", 0),
	}
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if err := s.ready(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

// ready is nil while new connections are welcome and will be trusted, and
// otherwise one line that says why not.
func (s *Server) ready() error {
	if s.draining.Load() {
		return errors.New("draining")
	}
	if err := s.opts.Certificates.Check(); err != nil {
		return err
	}
	if !s.serving.Load() {
		return errors.New("the serving port is not open yet")
	}
	return nil
}
