// SPDX-License-Identifier: Apache-2.0

package reloader

import "github.com/prometheus/client_golang/prometheus"

// Metrics are what a reloader counts. A nil *Metrics counts nothing.
type Metrics struct {
	scans   *prometheus.CounterVec
	change  prometheus.Gauge
	files   prometheus.Gauge
	watched prometheus.Gauge
}

// Results of a scan.
const (
	changed   = "changed"
	unchanged = "unchanged"
	failed    = "error"
)

// NewMetrics makes the metrics of one reloader in a registry.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &Metrics{
		scans: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pillion_reload_scans_total",
			Help: "Scans of the watched directories, by result: changed (the app is notified), unchanged, or error.",
		}, []string{"result"}),
		change:  gauge("pillion_reload_last_change_timestamp_seconds", "When the content was last seen to have changed, in seconds since 1970. 0: not since the helper started."),
		files:   gauge("pillion_reload_files", "Files and directories below the watched ones."),
		watched: gauge("pillion_reload_watched_directories", "Directories in which the kernel reports changes. 0: scans alone notice them."),
	}
	registry.MustRegister(m.scans, m.change, m.files, m.watched)
	for _, result := range []string{changed, unchanged, failed} {
		m.scans.WithLabelValues(result)
	}
	return m
}

func (m *Metrics) scanned(result string, files, watched int) {
	if m == nil {
		return
	}
	m.scans.WithLabelValues(result).Inc()
	m.files.Set(float64(files))
	m.watched.Set(float64(watched))
	if result == changed {
		m.change.SetToCurrentTime()
	}
}
