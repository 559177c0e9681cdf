// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bytes"
	"context"
	"fmt"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/kubernetes"
)

// Metrics are the families of one scrape, by name.
type Metrics map[string]*dto.MetricFamily

// Metrics is what Prometheus would read from kube-apiserver now.
func (p *Plane) Metrics(ctx context.Context) (Metrics, error) {
	clients, err := kubernetes.NewForConfig(p.config)
	if err != nil {
		return nil, err
	}
	body, err := clients.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("the metrics of kube-apiserver: %w", err)
	}
	return parseMetrics(body)
}

func parseMetrics(body []byte) (Metrics, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(bytes.NewReader(body))
}

// Sum adds up the series of a family that bear all the given labels. A histogram
// counts as its number of observations. An absent family is zero, as it is to
// Prometheus: a counter nobody has touched has no series.
func (m Metrics) Sum(family string, labels map[string]string) float64 {
	var sum float64
	for _, metric := range m[family].GetMetric() {
		if bears(metric, labels) {
			sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue() +
				float64(metric.GetHistogram().GetSampleCount()) + metric.GetUntyped().GetValue()
		}
	}
	return sum
}

func bears(metric *dto.Metric, labels map[string]string) bool {
	found := 0
	for _, pair := range metric.GetLabel() {
		if want, ok := labels[pair.GetName()]; ok && want == pair.GetValue() {
			found++
		}
	}
	return found == len(labels)
}
