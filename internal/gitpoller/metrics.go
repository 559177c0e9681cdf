// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/pillion-dev/pillion/internal/backoff"
	"github.com/pillion-dev/pillion/internal/gitfetch"
)

// Metrics are what one poller counts. A nil *Metrics counts nothing.
type Metrics struct {
	registry *prometheus.Registry
	looks    *prometheus.CounterVec
	success  prometheus.Gauge
	swaps    prometheus.Counter
	commit   *prometheus.GaugeVec
}

// ok is the reason of a look that found no fault.
const ok = "OK"

// NewMetrics makes the metrics of one poller, in a registry of its own.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		looks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pillion_git_looks_total",
			Help: "Looks at the remote, by what came of them. OK is a success, anything else the reason of a failure.",
		}, []string{"reason"}),
		success: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pillion_git_last_success_timestamp_seconds",
			Help: "When the published commit was last known to be what the ref means, in seconds since 1970. 0: never.",
		}),
		swaps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pillion_git_published_total",
			Help: "Commits published since the helper started.",
		}),
		commit: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pillion_git_commit_info",
			Help: "Always 1. The label is the commit that is published.",
		}, []string{"commit"}),
	}
	m.registry.MustRegister(m.looks, m.success, m.swaps, m.commit)
	m.looks.WithLabelValues(ok)
	for _, reason := range gitfetch.Reasons() {
		m.looks.WithLabelValues(string(reason))
	}
	return m
}

func (m *Metrics) looked(err error) {
	if m == nil {
		return
	}
	if err != nil {
		m.looks.WithLabelValues(string(Reason(err))).Inc()
		return
	}
	m.looks.WithLabelValues(ok).Inc()
	m.success.SetToCurrentTime()
}

func (m *Metrics) serves(commit string) {
	if m != nil {
		m.commit.Reset()
		m.commit.WithLabelValues(commit).Set(1)
	}
}

func (m *Metrics) published() {
	if m != nil {
		m.swaps.Inc()
	}
}

// listenAgain is how long to wait for a port that is taken.
const listenAgain = 30 * time.Second

// Serve offers the metrics at /metrics of address until ctx ends. A port that is
// taken is waited for: content matters more than counting.
func (m *Metrics) Serve(ctx context.Context, address string, log *slog.Logger) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	for ctx.Err() == nil {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err == nil {
			err = server.Serve(listener)
		}
		if ctx.Err() != nil || errors.Is(err, http.ErrServerClosed) {
			return
		}
		log.Error("metrics cannot be served; choose another metrics-port if it is taken",
			"address", address, "error", err.Error(), "retry_in", listenAgain.String())
		backoff.Sleep(ctx, listenAgain, nil)
	}
}
