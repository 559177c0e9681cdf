// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func seriesOf(t *testing.T, m *Metrics, name string) (lines []string) {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(answer.Body.String()) {
		if strings.HasPrefix(line, name) {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

func TestDeniedPodsByNamespace(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 64)
	for name, c := range map[string]struct {
		most   int
		denied []string // namespaces
		want   []string
	}{
		"are not counted unless asked for": {0, []string{"shop"}, nil},
		"are counted": {2, []string{"shop", "web", "shop"}, []string{
			`pillion_denied_pods_total{reason="InvalidValue",resource_namespace="shop"} 2`,
			`pillion_denied_pods_total{reason="InvalidValue",resource_namespace="web"} 1`,
		}},
		"are counted together beyond the bound, and the previous ones by themselves": {2, []string{"shop", "web", "late", "later", "web"}, []string{
			`pillion_denied_pods_total{reason="InvalidValue",resource_namespace="_other"} 2`,
			`pillion_denied_pods_total{reason="InvalidValue",resource_namespace="shop"} 1`,
			`pillion_denied_pods_total{reason="InvalidValue",resource_namespace="web"} 2`,
		}},
		"do not take what cannot be a namespace for one, which would cost a real one its place": {1, []string{"", "_other", long, "Shop", "a\nb", "shop"}, []string{
			`pillion_denied_pods_total{reason="InvalidValue",resource_namespace="_other"} 5`,
			`pillion_denied_pods_total{reason="InvalidValue",resource_namespace="shop"} 1`,
		}},
		"know the namespace other from all others": {1, []string{"other", "late"}, []string{
			`pillion_denied_pods_total{reason="InvalidValue",resource_namespace="_other"} 1`,
			`pillion_denied_pods_total{reason="InvalidValue",resource_namespace="other"} 1`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := NewMetrics("v0")
			m.CountNamespaces(c.most)
			for _, namespace := range c.denied {
				m.ObserveDenied(namespace, "InvalidValue")
			}
			if diff := cmp.Diff(c.want, seriesOf(t, m, "pillion_denied_pods_total")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A caller that makes up namespaces cannot have more series than the bound.
func TestNamespacesAreBoundedFromManySides(t *testing.T) {
	t.Parallel()
	m := NewMetrics("v0")
	m.CountNamespaces(10)
	var all sync.WaitGroup
	for side := range 8 {
		all.Go(func() {
			for n := range 50 {
				m.ObserveDenied(fmt.Sprintf("made-up-%d-%d", side, n), "InvalidValue")
			}
		})
	}
	all.Wait()
	if got := len(seriesOf(t, m, "pillion_denied_pods_total")); got != 11 {
		t.Errorf("there are %d series, want 10 and that of all others", got)
	}
}
