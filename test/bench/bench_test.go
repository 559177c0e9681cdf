// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject"
)

// servers run for all tests and benchmarks.
var servers *rig

var (
	reviews   = table{columns: [3]string{"cpu, µs", "p50, µs", "p99, µs"}}
	processes = table{columns: [3]string{"start, ms", "idle, MiB", "peak, MiB"}}
)

var update = flag.Bool("update", false, "write ratios.json from what is measured")

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "pillion-bench-")
	if err == nil {
		defer os.RemoveAll(dir)
		servers, err = newRig(dir)
		defer servers.stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	reviews.print(os.Stdout)
	processes.print(os.Stdout)
	if err := keep(*update, &reviews, &processes); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// The servers answer what they are measured at, and naive does the same as Pillion.
func TestTheServersAgree(t *testing.T) { agree(t) }

func agree(t testing.TB) {
	t.Helper()
	for _, name := range names {
		before := servers.pods[name]
		after := map[string]map[string]any{}
		for _, kind := range kinds {
			text, err := patched(before, servers.replies[kind][name])
			if err != nil {
				t.Fatalf("%s, %s: %v", kind, name, err)
			}
			if got, want := bytes.Contains(text, []byte(`"name":"`+helper+`"`)), name != unasked; got != want {
				t.Errorf("%s, %s: a helper is in the pod: %v, want %v", kind, name, got, want)
			}
			if same := decode(t, text); name == unasked || name == unchanged {
				if diff := cmp.Diff(decode(t, before), same); diff != "" {
					t.Errorf("%s, %s: the pod is changed (-before +after):\n%s", kind, name, diff)
				}
			}
			after[kind] = decode(t, text)
			// It names the containers, which naive does not know.
			delete(after[kind]["metadata"].(map[string]any)["annotations"].(map[string]any), inject.StatusAnnotation)
		}
		for _, kind := range []string{fixed, plain, naive} {
			if diff := cmp.Diff(after[pillion], after[kind]); diff != "" {
				t.Errorf("%s: the pods differ (-pillion +%s):\n%s", name, kind, diff)
			}
		}
	}
	if size := len(servers.bodies[large].text); size < 50_000 || size > 65_000 {
		t.Errorf("the review of 20 containers has %d bytes; want some 58,000, as with earlier figures", size)
	}
}

func decode(t testing.TB, text []byte) map[string]any {
	t.Helper()
	var pod map[string]any
	if err := json.Unmarshal(text, &pod); err != nil {
		t.Fatal(err)
	}
	return pod
}

func TestAProcessIsMeasured(t *testing.T) {
	s, err := servers.programs[fixed].start()
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	perReview, err := s.drive(small, servers.bodies[small], len(servers.replies[fixed][small]), 2)
	if err != nil {
		t.Fatal(err)
	}
	clock, err := s.cpu()
	if err != nil {
		t.Fatal(err)
	}
	idle, err := s.memory("VmRSS")
	peak, err2 := s.memory("VmHWM")
	if err := errors.Join(err, err2); err != nil || idle < 1 || peak < idle {
		t.Errorf("%v MiB are resident, and %v at the peak: %v", idle, peak, err)
	}
	s.stop()
	whole := s.cmd.ProcessState.UserTime() + s.cmd.ProcessState.SystemTime()
	if clock < time.Duration(perReview[0])*time.Microsecond || clock > whole || clock < whole/2 {
		t.Errorf("the clock of the process is at %s, a review took %v µs of it, and the kernel counted %s in the end", clock, perReview[0], whole)
	}
}

// BenchmarkReview does a round with one review in each iteration.
func BenchmarkReview(b *testing.B) {
	agree(b)
	for _, name := range names {
		for _, connections := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/c=%d", strings.ReplaceAll(name, ", ", "/"), connections), func(b *testing.B) {
				r := reviews.row(fmt.Sprintf("%s, c=%d", name, connections))
				for b.Loop() {
					r.round(b, func(kind string) (figures, error) {
						return servers.running[kind].drive(name, servers.bodies[name], len(servers.replies[kind][name]), connections)
					})
				}
				reviews.report(b, r)
			})
		}
	}
}

// BenchmarkProcess starts a new process of each server in each iteration. The figures are
// milliseconds from exec to the first answer, with a certificate on disk; then resident
// memory, and its peak after a turn with 20 containers over 8 connections, in MiB.
func BenchmarkProcess(b *testing.B) {
	agree(b)
	r := processes.row("a process")
	for b.Loop() {
		r.round(b, func(kind string) (figures, error) {
			began := time.Now()
			s, err := servers.programs[kind].start()
			if err != nil {
				return figures{}, err
			}
			defer s.stop()
			_, err = s.post(small, servers.bodies[small].text)
			took := time.Since(began)
			idle, err2 := s.memory("VmRSS")
			_, err3 := s.drive(large, servers.bodies[large], len(servers.replies[kind][large]), 8)
			peak, err4 := s.memory("VmHWM")
			return figures{micros(took) / 1000, idle, peak}, errors.Join(err, err2, err3, err4)
		})
	}
	processes.report(b, r)
}

func TestAWorseRatioIsAnError(t *testing.T) {
	t.Parallel()
	of := func(ratio float64) map[string]float64 { return map[string]float64{fixed: ratio, naive: 9} }
	committed := ratios{"a": of(2), "b": of(1)}
	for _, c := range []struct {
		name     string
		measured ratios
		want     string
	}{
		{"within a quarter", ratios{"a": of(2.5), "b": of(0.5)}, ""},
		{"above it", ratios{"a": of(2.51)}, "a is 2.51 times that of fixed; it was 2.00 when testdata/ratios.json was written, and may be 2.50"},
		{"new", ratios{"c": of(1)}, "c: testdata/ratios.json has no ratio for it; run with -update"},
	} {
		got := ""
		if err := worse(committed, c.measured); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// The reviews of one template are of different pods, and a pod of another template is one.
func TestReviewsDiffer(t *testing.T) {
	t.Parallel()
	for _, name := range names {
		b := newBody(name, servers.pods[name])
		first, second := b.of(1), b.of(2)
		if bytes.Equal(first, second) || len(first) != len(b.text) || !json.Valid(second) {
			t.Errorf("%s: two reviews:\n%s\n%s", name, first, second)
		}
	}
}
