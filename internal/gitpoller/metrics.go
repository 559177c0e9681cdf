// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pillion-dev/pillion/internal/gitfetch"
	"github.com/pillion-dev/pillion/internal/gitstatus"
)

// Metrics are what one poller counts. A nil *Metrics counts nothing.
type Metrics struct {
	polls    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	success  prometheus.Gauge
	period   prometheus.Gauge
	files    prometheus.Gauge
	bytes    prometheus.Gauge
	commit   *prometheus.GaugeVec
}

// NewMetrics makes the metrics of one poller in a registry.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &Metrics{
		polls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pillion_git_polls_total",
			Help: "Polls of the remote, by result: changed (a commit was published), unchanged, or error, with the reason.",
		}, []string{"result", "reason"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "pillion_git_sync_duration_seconds",
			Help:    "Time of a poll, with fetching and publishing what is new.",
			Buckets: []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"result"}),
		success: gauge("pillion_git_last_success_timestamp_seconds", "When the published commit was last known to be what the ref means, in seconds since 1970. 0: not since the helper started."),
		period:  gauge("pillion_git_period_seconds", "Time between two polls that succeed; +Inf after the last one, of a ref that always means the same."),
		files:   gauge("pillion_git_checkout_files", "Files and links of the published commit."),
		bytes:   gauge("pillion_git_checkout_bytes", "Size of all files of the published commit together."),
		commit: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pillion_git_commit_info",
			Help: "Always 1. The label is the commit that is published.",
		}, []string{"commit"}),
	}
	registry.MustRegister(m.polls, m.duration, m.success, m.period, m.files, m.bytes, m.commit)
	for _, result := range []string{gitstatus.Changed, gitstatus.Unchanged, gitstatus.Error} {
		m.duration.WithLabelValues(result)
	}
	m.polls.WithLabelValues(gitstatus.Changed, "")
	m.polls.WithLabelValues(gitstatus.Unchanged, "")
	for _, reason := range gitfetch.Reasons() {
		m.polls.WithLabelValues(gitstatus.Error, string(reason))
	}
	return m
}

func (m *Metrics) begin(period time.Duration) {
	if m != nil {
		m.period.Set(period.Seconds())
	}
}

// ends notes that nothing will be polled any more, so that the age of the content is no fault.
func (m *Metrics) ends() {
	if m != nil {
		m.period.Set(math.Inf(1))
	}
}

func (m *Metrics) polled(poll *gitstatus.Poll) {
	if m == nil {
		return
	}
	m.polls.WithLabelValues(poll.Result, poll.Reason).Inc()
	m.duration.WithLabelValues(poll.Result).Observe(poll.Seconds)
	if poll.Result != gitstatus.Error {
		m.success.SetToCurrentTime()
	}
}

func (m *Metrics) serves(commit string, files int, bytes int64) {
	if m == nil {
		return
	}
	m.commit.Reset()
	m.commit.WithLabelValues(commit).Set(1)
	m.files.Set(float64(files))
	m.bytes.Set(float64(bytes))
}
