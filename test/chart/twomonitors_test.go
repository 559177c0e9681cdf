// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/promql"

	"github.com/pillion-dev/pillion/internal/server"
)

// aReplica is what a replica that has seen one of each shows: lines of series and value.
func aReplica(t *testing.T) []string {
	t.Helper()
	m := server.NewMetrics("v1")
	m.Policy("default", "0123")
	m.CountNamespaces(5)
	for _, one := range [][2]string{{"Injected", "AsRequested"}, {"Injected", "WouldBeDenied"}, {"Skipped", "WouldBeDenied"}, {"Denied", "InvalidValue"}, {"Failed", "PolicyNotLoaded"}, {"Failed", "InternalError"}} {
		m.Observe("default", one[0], one[1], time.Millisecond)
		m.ObserveWarn("default", one[0], one[1], time.Millisecond)
	}
	m.ObserveDenied("shop", "InvalidValue")
	m.ObserveDenied("web", "InvalidValue")
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	var lines []string
	for line := range strings.Lines(answer.Body.String()) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// scraped is what Prometheus has of two replicas, each scraped by these monitors. A PodMonitor
// and a ServiceMonitor find the same port, under jobs of their own.
func scraped(t *testing.T, lines []string, monitors ...string) history {
	t.Helper()
	h := history{}
	for _, line := range lines {
		series, text, _ := strings.Cut(line, " ")
		if at := strings.LastIndex(line, "} "); at > 0 {
			series, text = line[:at+1], line[at+2:]
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		name, own, _ := strings.Cut(strings.TrimSuffix(series, "}"), "{")
		if own != "" {
			own = ", " + own
		}
		counts := strings.HasSuffix(name, "_total") || strings.HasSuffix(name, "_bucket") || strings.HasSuffix(name, "_count") || strings.HasSuffix(name, "_sum")
		for replica, pod := range []string{"pillion-webhook-a", "pillion-webhook-b"} {
			for _, monitor := range monitors {
				labels := fmt.Sprintf(`{namespace="pillion-system", pod=%q, container="webhook", instance="10.0.0.%d:8081", job=%q%s}`, pod, replica+1, monitor, own)
				h[name+labels] = func(at time.Duration) (float64, bool) {
					if counts {
						return value * float64(1+int(at/scrape)), true
					}
					return value + float64(replica), true
				}
			}
		}
	}
	return h
}

// results of an expression at a time, by their labels.
func results(t *testing.T, expression string, h history, at time.Duration) (map[string]float64, error) {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 50_000_000, Timeout: time.Hour, EnableAtModifier: true, EnableNegativeOffset: true})
	query, err := engine.NewInstantQuery(t.Context(), stored(t, h, at), nil, expression, time.Unix(0, 0).Add(at))
	if err != nil {
		return nil, err
	}
	defer query.Close()
	result := query.Exec(t.Context())
	vector, err := result.Vector()
	out := map[string]float64{}
	for _, s := range vector {
		out[s.Metric.String()] = s.F
	}
	return out, err
}

// Who enables both monitors scrapes each replica twice. No panel may fail for it or show twice
// as much, and no alert may fail, or fire where it would not with one.
func TestBothMonitorsShowWhatOneShows(t *testing.T) {
	t.Parallel()
	const at = 2 * time.Hour
	const podMonitor, serviceMonitor = "pillion-system/pillion-webhook", "pillion-webhook-metrics"
	lines := aReplica(t)
	one, both := scraped(t, lines, podMonitor), scraped(t, lines, podMonitor, serviceMonitor)
	shown := 0
	for where, expression := range expressions(t) {
		want, err := results(t, expression, one, at)
		if err != nil {
			t.Errorf("%s with one monitor: %v", where, err)
			continue
		}
		got, err := results(t, expression, both, at)
		if err != nil {
			t.Errorf("%s with both monitors: %v", where, err)
			continue
		}
		if strings.HasPrefix(where, "alert ") { // of theirs, the value is in a sentence only
			for labels := range want {
				want[labels] = 1
			}
			for labels := range got {
				got[labels] = 1
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-one monitor +both):\n%s", where, diff)
		}
		if len(want) > 0 {
			shown++
		}
	}
	if shown < 15 {
		t.Errorf("only %d expressions have shown anything, so this says little", shown)
	}
}
