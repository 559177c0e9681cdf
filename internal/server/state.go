// SPDX-License-Identifier: Apache-2.0

package server

import "github.com/prometheus/client_golang/prometheus"

// state is what a replica has and does at a moment, beside what it has counted.
type state struct {
	notBefore prometheus.Gauge
	inFlight  prometheus.Gauge
	policies  *prometheus.GaugeVec
}

func newState(registry *prometheus.Registry) state {
	s := state{
		notBefore: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pillion_certificate_not_before_seconds",
			Help: "When the serving certificate in use became valid, in seconds since 1970. 0: none has been loaded yet.",
		}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pillion_requests_in_flight",
			Help: "Requests that are being read or answered now, on the port that API servers call.",
		}),
		policies: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pillion_policy_info",
			Help: "Always 1. The labels are a policy that is loaded, and the hash of its content, as in the annotation pillion.dev/status.",
		}, []string{"policy", "hash"}),
	}
	registry.MustRegister(s.notBefore, s.inFlight, s.policies)
	return s
}
