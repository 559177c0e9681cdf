// SPDX-License-Identifier: Apache-2.0

// Package scrape lets Prometheus read what a helper counts.
package scrape

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/pillion-dev/pillion/internal/backoff"
	"github.com/pillion-dev/pillion/internal/version"
)

// NewRegistry makes a registry that tells which program runs and what its process uses.
func NewRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "pillion_build_info",
		Help:        "Always 1. The labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version.String(), "goversion": runtime.Version()},
	})
	build.Set(1)
	r.MustRegister(build, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Bounds of the port. Any container of the pod can connect to it, and with
// metrics-address pod every client that reaches the pod's address, while the helper has a few MiB
// of memory. A connection serves one request, so nobody can keep the others out.
const (
	maxConnections = 16
	maxHeader      = 1 // byte, and net/http takes 4 KiB more; parsed, a header takes 30 times its size
	readTimeout    = 10 * time.Second
	writeTimeout   = 30 * time.Second
)

// listenAgain is how long to wait for a port that is taken.
const listenAgain = 30 * time.Second

// Serve offers the metrics at /metrics of address until ctx ends. A port that is taken
// is waited for: the helper's work matters more than counting it.
func Serve(ctx context.Context, metrics prometheus.Gatherer, address string, log *slog.Logger) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{DisableCompression: true})) // a compressor takes up to some MiB for each answer
	server := &http.Server{Handler: mux, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, MaxHeaderBytes: maxHeader}
	server.SetKeepAlivesEnabled(false)
	defer context.AfterFunc(ctx, func() { server.Close() })()
	for ctx.Err() == nil {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err == nil {
			err = server.Serve(&capped{Listener: listener, slots: make(chan struct{}, maxConnections), done: ctx.Done()})
		}
		if ctx.Err() != nil || errors.Is(err, http.ErrServerClosed) {
			return
		}
		log.Error("metrics cannot be served; choose another metrics-port if it is taken",
			"address", address, "error", err.Error(), "retryIn", listenAgain.String())
		backoff.Sleep(ctx, listenAgain, nil)
	}
}

// capped accepts a connection only while fewer than cap(slots) are open. The rest wait
// in the kernel.
type capped struct {
	net.Listener

	slots chan struct{}
	done  <-chan struct{}
}

func (c *capped) Accept() (net.Conn, error) {
	select {
	case c.slots <- struct{}{}:
	case <-c.done:
		return nil, net.ErrClosed
	}
	conn, err := c.Listener.Accept()
	if err != nil {
		<-c.slots
		return nil, err
	}
	return &counted{Conn: conn, slots: c.slots}, nil
}

// counted gives its slot back when it is closed, once.
type counted struct {
	net.Conn

	slots  chan struct{}
	closed sync.Once
}

func (c *counted) Close() error {
	err := c.Conn.Close()
	c.closed.Do(func() { <-c.slots })
	return err
}
