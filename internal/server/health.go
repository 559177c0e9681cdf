// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"io"
	"net/http"
	"path"
)

// healthServer answers probes and Prometheus. It holds nothing secret: it is
// plain HTTP and open to every client that reaches the pod.
func (s *Server) healthServer() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", s.opts.Metrics.Handler())
	return &http.Server{
		Handler:           briefly(mux),
		Protocols:         http1Only(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout,
		WriteTimeout:      writeTimeout,
		MaxHeaderBytes:    healthHeaderBytes,
		ConnContext:       withConn,
		ErrorLog:          s.errorLog(),
	}
}

// briefly closes each connection with its answer: there are few places, and a client that asks
// here does so once in many seconds. A path that is not in its canonical form is not found:
// ServeMux would redirect to it, with an answer three times as long as the path.
func briefly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		if path.Clean(r.URL.Path) != r.URL.Path {
			http.NotFound(w, r)
			return
		}
		if c, ok := r.Context().Value(connKey{}).(*conn); ok {
			c.prove() // a kubelet's next probe is not lost in a flood of connections that ask nothing
		}
		next.ServeHTTP(w, r)
	})
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
