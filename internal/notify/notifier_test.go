// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// app is a target of a test.
type app struct {
	takes time.Duration // to answer

	mu    sync.Mutex
	fails error
	heard []string // of which changes, whether it fails or not
	at    []time.Time
}

func (a *app) String() string { return "app" }
func (a *app) Kind() string   { return "http" }

func (a *app) Tell(ctx context.Context, change string) error {
	a.mu.Lock()
	a.heard, a.at = append(a.heard, change), append(a.at, time.Now())
	err := a.fails
	a.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(a.takes):
	}
	return err
}

func (a *app) set(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fails = err
}

func (a *app) seen() ([]string, []time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string{}, a.heard...), append([]time.Time{}, a.at...)
}

// running starts a notifier of an app in a synctest bubble.
func running(t *testing.T, a *app) (n *Notifier, registry *prometheus.Registry, log *bytes.Buffer, stop func()) {
	t.Helper()
	log, registry = new(bytes.Buffer), prometheus.NewRegistry()
	n = New(slog.New(slog.NewTextHandler(log, nil)), NewMetrics(registry), a)
	ctx, cancel := context.WithCancel(t.Context())
	go n.Run(ctx)
	return n, registry, log, func() {
		cancel()
		synctest.Wait()
	}
}

// counts compares the counters and the gauge of what is pending.
func counts(t *testing.T, registry *prometheus.Registry, heard, failed, superseded, pending int) {
	t.Helper()
	want := fmt.Sprintf(`# HELP pillion_notify_attempts_total Attempts to notify the app of a change, by via (http or signal) and result.
# TYPE pillion_notify_attempts_total counter
pillion_notify_attempts_total{result="error",via="http"} %d
pillion_notify_attempts_total{result="success",via="http"} %d
# HELP pillion_notify_pending 1 while the app has not been notified of the newest change.
# TYPE pillion_notify_pending gauge
pillion_notify_pending{via="http"} %d
# HELP pillion_notify_superseded_total Changes of which the app was not notified before the next one came.
# TYPE pillion_notify_superseded_total counter
pillion_notify_superseded_total{via="http"} %d
`, failed, heard, pending, superseded)
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want),
		"pillion_notify_attempts_total", "pillion_notify_pending", "pillion_notify_superseded_total"); err != nil {
		t.Error(err)
	}
}

func TestAnAppHearsOfEveryChangeThatItHasTimeFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &app{}
		n, registry, log, stop := running(t, a)
		counts(t, registry, 0, 0, 0, 0)
		time.Sleep(time.Hour)
		for _, change := range []string{"aaa", "bbb", "aaa"} {
			n.Changed(change)
			time.Sleep(time.Minute)
		}
		if heard, _ := a.seen(); !cmp.Equal(heard, []string{"aaa", "bbb", "aaa"}) {
			t.Errorf("the app heard of %q", heard)
		}
		counts(t, registry, 3, 0, 0, 0)
		if got := n.States(); len(got) != 1 || got[0].Target != "app" || got[0].Told != "aaa" || got[0].Pending || got[0].Error != "" {
			t.Errorf("the state is %+v", got)
		}
		stop()
		if n := strings.Count(log.String(), `msg="app notified" notify=app change=`); n != 3 {
			t.Errorf("%d lines about it, want 3:\n%s", n, log)
		}
	})
}

func TestAnAppThatIsDownIsToldWhenItIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &app{fails: errors.New("down")}
		n, registry, log, stop := running(t, a)
		n.Changed("aaa")
		time.Sleep(10 * time.Minute)
		heard, at := a.seen()
		for i := 1; i < len(at); i++ {
			whole := min(time.Second<<min(i-1, 10), time.Minute)
			if wait := at[i].Sub(at[i-1]); wait < max(whole/2, time.Second) || wait > whole {
				t.Errorf("wait %d was %v, want %v to %v", i, wait, whole/2, whole)
			}
		}
		if len(heard) < 14 || len(heard) > 27 {
			t.Errorf("%d attempts in ten minutes", len(heard))
		}
		counts(t, registry, 0, len(heard), 0, 1)
		if got := n.States(); !got[0].Pending || got[0].Error != "down" || got[0].Told != "" {
			t.Errorf("the state is %+v", got)
		}
		a.set(nil)
		time.Sleep(time.Minute)
		counts(t, registry, 1, len(heard), 0, 0)
		time.Sleep(time.Hour)
		counts(t, registry, 1, len(heard), 0, 0) // it is told once
		stop()
		if !strings.Contains(log.String(), `level=WARN msg="notifying the app failed" notify=app change=aaa error=down failures=1 retryIn=`) {
			t.Errorf("the log does not say so:\n%s", log)
		}
	})
}

func TestANewerChangeTakesThePlaceOfOneThatNobodyHeardOf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &app{fails: errors.New("down")}
		n, registry, _, stop := running(t, a)
		n.Changed("aaa")
		time.Sleep(10 * time.Minute)
		heard, _ := a.seen()
		a.set(nil)
		n.Changed("bbb")
		synctest.Wait() // at once, although the wait after so many failures is up to a minute
		got, _ := a.seen()
		if diff := cmp.Diff("bbb", got[len(got)-1]); diff != "" || len(got) != len(heard)+1 {
			t.Errorf("the app heard of %q, want bbb next", got)
		}
		time.Sleep(time.Hour)
		counts(t, registry, 1, len(heard), 1, 0)
		stop()
	})
}

// An app that takes long is told of each change that it can be told of, and of the last.
func TestAnAttemptUnderWayIsNotCutShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &app{takes: 20 * time.Second}
		n, registry, _, stop := running(t, a)
		for i := range 100 {
			n.Changed(fmt.Sprint(i))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		if heard, _ := a.seen(); !cmp.Equal(heard, []string{"0", "21", "42", "63", "84", "99"}) && len(heard) != 6 {
			t.Errorf("the app heard of %q", heard)
		} else if heard[5] != "99" {
			t.Errorf("the app heard of %q last, want 99", heard[5])
		}
		counts(t, registry, 6, 0, 94, 0)
		stop()
	})
}

func TestTenThousandChangesInARowAreFewRequests(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]error{"that hears": nil, "that is down": errors.New("down")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := &app{fails: fails}
				n, _, _, stop := running(t, a)
				for i := range 10_000 {
					n.Changed(fmt.Sprint(i))
					if i%10 == 0 {
						time.Sleep(time.Millisecond) // a second in all
					}
				}
				time.Sleep(time.Second)
				a.set(nil)
				time.Sleep(time.Minute)
				heard, _ := a.seen()
				if len(heard) > 5 || heard[len(heard)-1] != "9999" {
					t.Errorf("an app %s was asked %d times, at last about %s; want at most 5 times, and 9999", name, len(heard), heard[len(heard)-1])
				}
				if states := n.States(); states[0].Told != "9999" || states[0].Pending {
					t.Errorf("the state is %+v", states)
				}
				succeeded := testutil.ToFloat64(n.tellers[0].metrics.attempts.WithLabelValues("http", success))
				if lost := testutil.ToFloat64(n.tellers[0].metrics.lost.WithLabelValues("http")); lost+succeeded != 10_000 {
					t.Errorf("%v changes superseded and %v told, want 10000 together", lost, succeeded)
				}
				stop()
			})
		})
	}
}

func TestNobodyIsToldAfterTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &app{takes: time.Hour}
		n, registry, _, stop := running(t, a)
		n.Changed("aaa")
		synctest.Wait()
		stop() // in the middle of an attempt, which counts for nothing
		n.Changed("bbb")
		time.Sleep(time.Hour)
		if heard, _ := a.seen(); !cmp.Equal(heard, []string{"aaa"}) {
			t.Errorf("the app heard of %q", heard)
		}
		counts(t, registry, 0, 0, 0, 1)
	})
}

func TestNoTargetsAreNobody(t *testing.T) {
	t.Parallel()
	var none *Notifier
	none.Changed("aaa")
	none.Run(t.Context())
	New(slog.New(slog.DiscardHandler), nil).Run(t.Context())
	if none.States() != nil {
		t.Error("nobody has a state")
	}
}

func TestMetricsFollowTheConventions(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	New(slog.New(slog.DiscardHandler), NewMetrics(registry), &app{})
	families, err := registry.Gather()
	if err != nil || len(families) != 4 {
		t.Fatalf("%d families (%v), want 4 from the start", len(families), err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
