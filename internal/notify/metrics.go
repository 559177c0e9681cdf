// SPDX-License-Identifier: Apache-2.0

package notify

import "github.com/prometheus/client_golang/prometheus"

// Metrics are what a [Notifier] counts. A nil *Metrics counts nothing.
type Metrics struct {
	attempts *prometheus.CounterVec
	lost     *prometheus.CounterVec
	waiting  *prometheus.GaugeVec
	success  *prometheus.GaugeVec
}

// Results of an attempt.
const (
	success = "success"
	failure = "error"
)

// NewMetrics makes the metrics of a [Notifier] in a registry.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	via := []string{"via"}
	m := &Metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pillion_notify_attempts_total",
			Help: "Attempts to notify the app of a change, by via (http or signal) and result.",
		}, []string{"via", "result"}),
		lost: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pillion_notify_superseded_total",
			Help: "Changes of which the app was not notified before the next one came.",
		}, via),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pillion_notify_pending",
			Help: "1 while the app has not been notified of the newest change.",
		}, via),
		success: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pillion_notify_last_success_timestamp_seconds",
			Help: "When the app was last notified of a change, in seconds since 1970. 0: never.",
		}, via),
	}
	registry.MustRegister(m.attempts, m.lost, m.waiting, m.success)
	return m
}

// begin makes the series of a kind of target start at 0.
func (m *Metrics) begin(via string) {
	if m == nil {
		return
	}
	m.attempts.WithLabelValues(via, success)
	m.attempts.WithLabelValues(via, failure)
	m.lost.WithLabelValues(via)
	m.waiting.WithLabelValues(via)
	m.success.WithLabelValues(via)
}

func (m *Metrics) attempted(via string, err error) {
	switch {
	case m == nil:
	case err != nil:
		m.attempts.WithLabelValues(via, failure).Inc()
	default:
		m.attempts.WithLabelValues(via, success).Inc()
		m.success.WithLabelValues(via).SetToCurrentTime()
	}
}

func (m *Metrics) superseded(via string) {
	if m != nil {
		m.lost.WithLabelValues(via).Inc()
	}
}

func (m *Metrics) pending(via string, is bool) {
	if m == nil {
		return
	}
	value := 0.0
	if is {
		value = 1
	}
	m.waiting.WithLabelValues(via).Set(value)
}
