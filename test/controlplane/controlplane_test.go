// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// plane is shared: a control plane takes some seconds to start.
var plane *Plane

func TestMain(m *testing.M) {
	os.Exit(Run(Options{Controllers: true, Webhook: true}, func(_ context.Context, p *Plane) int {
		plane = p
		return m.Run()
	}))
}

func TestAStartThatFailsLeavesNothing(t *testing.T) {
	empty := t.TempDir()
	tests := map[string]struct {
		assets string // KUBEBUILDER_ASSETS
		want   string // in what the user reads
	}{
		"the binaries are missing": {empty, "which lacks a usable etcd"},
		"a binary does not work":   {broken(t), "starting etcd and kube-apiserver"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tmp := t.TempDir()
			t.Setenv("TMPDIR", tmp)
			t.Setenv("KUBEBUILDER_ASSETS", tc.assets)
			var progress strings.Builder
			_, err := Start(t.Context(), Options{Progress: &progress})
			if err == nil || !strings.Contains(progress.String()+err.Error(), tc.want) {
				t.Errorf("error %v and output %q, want %q in one of them", err, &progress, tc.want)
			}
			assertNoTemporaryFiles(t, tmp)
		})
	}
}

// broken is a directory of binaries that end at once.
func broken(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"etcd", "kube-apiserver", "kubectl"} {
		if err := os.WriteFile(dir+"/"+name, []byte("#!/bin/sh\nexit 3\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// assertNoTemporaryFiles allows for what the go command keeps to itself.
func assertNoTemporaryFiles(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s was left in the temporary directory", e.Name())
	}
}

func TestAnEndedContextStopsTheStart(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("interrupt")
	cancel(reason)
	if _, err := Start(ctx, Options{Progress: io.Discard}); !errors.Is(err, reason) {
		t.Errorf("error %v, want one caused by %q", err, reason)
	}
}

func TestMetricsAddUpTheSeriesThatBearAllLabels(t *testing.T) {
	m, err := parseMetrics([]byte(`# TYPE calls counter
calls{name="a",code="200"} 2
calls{name="a",code="500"} 3
calls{name="b",code="200"} 4
# TYPE took histogram
took_bucket{name="a",le="+Inf"} 7
took_sum{name="a"} 0.5
took_count{name="a"} 7
`))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		family string
		labels map[string]string
		want   float64
	}{
		{"calls", nil, 9},
		{"calls", map[string]string{"name": "a"}, 5},
		{"calls", map[string]string{"name": "a", "code": "200"}, 2},
		{"calls", map[string]string{"name": "c"}, 0},
		{"took", map[string]string{"name": "a"}, 7},
		{"absent", nil, 0},
	}
	for _, tc := range tests {
		if got := m.Sum(tc.family, tc.labels); got != tc.want {
			t.Errorf("Sum(%q, %v) = %v, want %v", tc.family, tc.labels, got, tc.want)
		}
	}
}
