// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is everything the webhook counts, in a registry of its own, so that
// a process can hold several (as tests do) and no library adds to it unasked.
type Metrics struct {
	registry       *prometheus.Registry
	requests       *prometheus.CounterVec
	duration       *prometheus.HistogramVec
	warnings       *prometheus.CounterVec
	notAfter       prometheus.Gauge
	reloadFailures prometheus.Counter
	panics         prometheus.Counter
	shed           prometheus.Counter
	untrusted      prometheus.Counter
	handshakes     prometheus.Counter
	turned         *prometheus.CounterVec
	state
	denials *denials // nil unless they are asked for
}

// NewMetrics makes the registry. version goes into pillion_build_info.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pillion_admission_requests_total",
			Help: "Admission reviews answered, by policy, what was decided, and why.",
		}, []string{"policy", "result", "reason"}),
		// No reason here: it multiplies the buckets and does not explain time.
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pillion_admission_duration_seconds",
			Help: "Time to decide one admission review, without the network.",
			Buckets: []float64{
				50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3,
				25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1, 2.5, 5,
			},
		}, []string{"policy", "result"}),
		warnings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pillion_warn_requests_total",
			Help: "Reviews of workloads and namespaces answered, by policy, what their pods will meet, and why.",
		}, []string{"policy", "result", "reason"}),
		notAfter: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pillion_certificate_not_after_seconds",
			Help: "When the serving certificate in use expires, in seconds since 1970. 0: none has been loaded yet.",
		}),
		reloadFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pillion_certificate_reload_failures_total",
			Help: "Checks of the certificate directory that found no certificate to serve. It grows for as long as that lasts.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pillion_handler_panics_total",
			Help: "Requests answered with 500 because the code that handled them panicked. Anything but 0 is a bug.",
		}),
		shed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pillion_requests_shed_total",
			Help: "Requests answered with 503 and Retry-After because the bodies held at that time were as large as --max-bodies. The API server sends them again.",
		}),
		untrusted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pillion_certificate_untrusted_total",
			Help: "TLS handshakes that the client gave up because it does not trust our certificate. If the client is the API server, its caBundle is not the CA of the certificate served, and reviews fail.",
		}),
	}
	m.handshakes = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "pillion_tls_handshake_failures_total",
		Help: "Connections that ended before their TLS handshake did. Port scans and probes cause them as well.",
	})
	m.turned = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pillion_connections_turned_away_total",
		Help: "Connections closed because of a limit, by port and reason: source (one address has as many as it may have), full (no other connection could be closed instead), displaced (closed in favour of a newer one).",
	}, []string{"port", "reason"})
	for _, port := range []string{"serving", "health"} {
		for _, why := range []turnedAway{ofSource, ofPort, displaced} {
			m.turned.WithLabelValues(port, string(why))
		}
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "pillion_build_info",
		Help:        "Always 1. The labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.duration, m.warnings, m.notAfter, m.reloadFailures, m.panics, m.shed, m.untrusted, m.handshakes, m.turned, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.state = newState(m.registry)
	return m
}

// Observe counts one answered review. All three labels must come from closed
// sets, never from a request: a label value that a caller can choose lets the
// caller fill our memory.
func (m *Metrics) Observe(policy, result, reason string, d time.Duration) {
	m.requests.WithLabelValues(policy, result, reason).Inc()
	m.duration.WithLabelValues(policy, result).Observe(d.Seconds())
}

// Init lets the count of such reviews begin at 0. Prometheus' increase() does not see the event
// that a series begins with, and the first failure is worth an alert.
func (m *Metrics) Init(policy, result, reason string) {
	m.requests.WithLabelValues(policy, result, reason)
}

// ObserveWarn counts one answer to the author of a workload or a namespace. What holds
// for the labels of Observe holds for these.
func (m *Metrics) ObserveWarn(policy, result, reason string, _ time.Duration) {
	m.warnings.WithLabelValues(policy, result, reason).Inc()
}

// Handler serves the registry to Prometheus.
func (m *Metrics) Handler() http.Handler {
	// Compressed, an answer would need a hundred times its size in memory.
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{DisableCompression: true})
}

// Policy says that a policy is loaded.
func (m *Metrics) Policy(name, hash string) { m.policies.WithLabelValues(name, hash).Set(1) }
