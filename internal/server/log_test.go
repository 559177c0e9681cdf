// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestLogger(t *testing.T) {
	t.Parallel()

	t.Run("json is one object a line", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		log, err := NewLogger(&out, "json", "info")
		if err != nil {
			t.Fatal(err)
		}
		log.Info("hello", "name", "web")
		var line struct{ Level, Msg, Name string }
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.Level != "INFO" || line.Msg != "hello" || line.Name != "web" {
			t.Errorf("logged %s", out.String())
		}
	})

	t.Run("a level hides what is below it", func(t *testing.T) {
		t.Parallel()
		for level, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1} {
			var out bytes.Buffer
			log, err := NewLogger(&out, "text", level)
			if err != nil {
				t.Fatal(err)
			}
			log.Debug("")
			log.Info("")
			log.Warn("")
			log.Error("")
			if got := strings.Count(out.String(), "\n"); got != want {
				t.Errorf("level %s shows %d lines of 4, want %d", level, got, want)
			}
		}
	})

	t.Run("an unknown format or level names the known ones", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct{ format, level, want string }{
			{"xml", "info", `log format "xml" is unknown: use json or text`},
			{"json", "INFO", `log level "INFO" is unknown: use debug, info, warn or error`},
		} {
			if _, err := NewLogger(nil, c.format, c.level); err == nil || err.Error() != c.want {
				t.Errorf("error %v, want %q", err, c.want)
			}
		}
	})

	t.Run("handshake noise is for debugging and what net/http says is a warning, both cut", func(t *testing.T) {
		t.Parallel()
		var j journal
		s := New(Options{Log: j.logger(), Metrics: NewMetrics("")})
		s.handshakeFailed(&net.TCPAddr{}, errors.New(strings.Repeat("\x7f", 1<<20)))
		s.errorLog().Print(strings.Repeat("é", 1<<20))
		got := strings.Split(strings.TrimSpace(j.String()), "\n")
		if len(got) != 2 || !strings.Contains(got[0], "level=DEBUG") || !strings.Contains(got[1], "level=WARN") {
			t.Errorf("logged:\n%.2000s", &j)
		}
		for _, line := range got {
			if len(line) > 1<<10 {
				t.Errorf("a line has %d bytes, want at most 1024", len(line))
			}
		}
	})
}

func TestAFloodOfOneMessageIsThinnedOut(t *testing.T) {
	t.Parallel()
	var j journal
	now := time.Unix(0, 0)
	handler := spare(slog.NewTextHandler(&j, &slog.HandlerOptions{Level: slog.LevelDebug}))
	handler.lines.now = func() time.Time { return now }
	log := slog.New(handler)
	flood := func(n int) {
		for range n {
			log.With("from", "somebody").Warn("flood")
		}
	}
	wrote := func(what string, want int) {
		t.Helper()
		if got := strings.Count(j.String(), "msg="+what); got != want {
			t.Errorf("%d lines of %s, want %d", got, what, want)
		}
	}
	flood(1000)
	wrote("flood", sparingBurst)
	log.Warn("other")
	log.Debug("flood")
	wrote("other", 1)
	wrote("flood", sparingBurst+1)
	now = now.Add(3*sparingEvery + 1)
	flood(1000)
	wrote("flood", sparingBurst+4)
	if !strings.Contains(j.String(), "unlogged=990") {
		t.Errorf("no line tells of the 990 that were left out:\n%s", &j)
	}
	for range 100 {
		log.Info("reviewed")
	}
	wrote("reviewed", 100)
}

func TestMetrics(t *testing.T) {
	t.Parallel()

	t.Run("an observed review is counted and timed", func(t *testing.T) {
		t.Parallel()
		m := NewMetrics("v1.2.3")
		m.Observe("web", "denied", "option-not-allowed", 3*time.Millisecond)
		for series, want := range map[string]float64{
			`pillion_admission_requests_total{policy="web",reason="option-not-allowed",result="denied"}`: 1,
			`pillion_admission_duration_seconds_bucket{policy="web",result="denied",le="0.0025"}`:        0,
			`pillion_admission_duration_seconds_bucket{policy="web",result="denied",le="0.005"}`:         1,
			`pillion_admission_duration_seconds_sum{policy="web",result="denied"}`:                       0.003,
		} {
			if got := sample(t, m, series); got != want {
				t.Errorf("%s %v, want %v", series, got, want)
			}
		}
	})

	t.Run("the smallest bucket is 50 µs and the largest 5 s", func(t *testing.T) {
		t.Parallel()
		m := NewMetrics("test")
		m.Observe("web", "allowed", "", 0)
		m.Observe("web", "allowed", "", 5*time.Second)
		if got := sample(t, m, `pillion_admission_duration_seconds_bucket{policy="web",result="allowed",le="5e-05"}`); got != 1 {
			t.Errorf("%v in the bucket of 50 µs, want 1", got)
		}
		if got := sample(t, m, `pillion_admission_duration_seconds_bucket{policy="web",result="allowed",le="5"}`); got != 2 {
			t.Errorf("%v in the bucket of 5 s, want 2", got)
		}
	})

	t.Run("the runtime and the build are shown", func(t *testing.T) {
		t.Parallel()
		m := NewMetrics("v1.2.3")
		if sample(t, m, "go_goroutines") <= 0 {
			t.Error("go_goroutines must be above 0")
		}
		if runtime.GOOS == "linux" && sample(t, m, "process_open_fds") <= 0 {
			t.Error("process_open_fds must be above 0")
		}
		found := false
		families, err := m.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			found = found || f.GetName() == "pillion_build_info" && strings.Contains(f.String(), "v1.2.3")
		}
		if !found {
			t.Error("no pillion_build_info with the version")
		}
	})
}
