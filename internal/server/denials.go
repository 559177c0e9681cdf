// SPDX-License-Identifier: Apache-2.0

package server

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/util/validation"
)

// MostNamespaces is how many namespaces can have series of their own.
const MostNamespaces = 1000

// otherNamespaces stands for all namespaces that have no series of their own. It cannot be the
// name of one.
const otherNamespaces = "_other"

// denials counts denied pods by their namespaces, of which the first that come have a series.
// A caller chooses what is in a review, so there has to be a bound.
type denials struct {
	counts *prometheus.CounterVec
	most   int

	mu    sync.Mutex
	named map[string]bool
}

// CountNamespaces has denied pods counted by namespace as well: most is how many namespaces get
// series of their own, and 0 leaves it out. Call it once, before anything is served.
func (m *Metrics) CountNamespaces(most int) {
	if most == 0 {
		return
	}
	m.denials = &denials{most: most, named: map[string]bool{}, counts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pillion_denied_pods_total",
		Help: "Pods denied, by their namespace and why. The first --denials-by-namespace namespaces have a name; the rest are _other.",
	}, []string{"resource_namespace", "reason"})}
	m.registry.MustRegister(m.denials.counts)
}

// ObserveDenied counts a denied pod. The namespace may be whatever a caller wrote; the reason
// must come from a closed set.
func (m *Metrics) ObserveDenied(namespace, reason string) {
	if m.denials != nil {
		m.denials.counts.WithLabelValues(m.denials.label(namespace), reason).Inc()
	}
}

func (d *denials) label(namespace string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.named[namespace] {
		if len(d.named) == d.most || len(validation.IsDNS1123Label(namespace)) > 0 {
			return otherNamespaces
		}
		d.named[namespace] = true
	}
	return namespace
}
