// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/pillion-dev/pillion/internal/gitstatus"
)

func TestTheMetricsTellWhatHappened(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &remote{commit: "aaa"}
		o := options(t, r, new(bytes.Buffer))
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = Run(ctx, o) }()
		synctest.Wait()
		r.set("")
		time.Sleep(90 * time.Second)
		r.set("bbbbb")
		time.Sleep(10 * time.Minute)
		seen := r.seen()
		last := seen[len(seen)-1]
		stop()
		synctest.Wait()

		polls := func(result, reason string) float64 {
			return testutil.ToFloat64(o.Metrics.polls.WithLabelValues(result, reason))
		}
		down := polls(gitstatus.Error, "Unreachable")
		if polls(gitstatus.Changed, "") != 2 || down == 0 || polls(gitstatus.Unchanged, "") != float64(len(seen))-2-down {
			t.Errorf("of %d polls %v are changed, %v unchanged and %v unreachable", len(seen), polls(gitstatus.Changed, ""), polls(gitstatus.Unchanged, ""), down)
		}
		if got, want := testutil.ToFloat64(o.Metrics.success), float64(last.UnixNano())/1e9; math.Abs(got-want) > 0.001 {
			t.Errorf("last success is at %f, want %f, the last poll", got, want)
		}
		const want = `
# HELP pillion_git_checkout_bytes Size of all files of the published commit together.
# TYPE pillion_git_checkout_bytes gauge
pillion_git_checkout_bytes 5
# HELP pillion_git_checkout_files Files and links of the published commit.
# TYPE pillion_git_checkout_files gauge
pillion_git_checkout_files 1
# HELP pillion_git_commit_info Always 1. The label is the commit that is published.
# TYPE pillion_git_commit_info gauge
pillion_git_commit_info{commit="bbbbb"} 1
# HELP pillion_git_period_seconds Time between two polls that succeed; +Inf after the last one, of a ref that always means the same.
# TYPE pillion_git_period_seconds gauge
pillion_git_period_seconds 60
`
		registry := prometheus.NewRegistry()
		registry.MustRegister(o.Metrics.commit, o.Metrics.files, o.Metrics.bytes, o.Metrics.period)
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	})
}

// The age of what is polled no more says nothing.
func TestAHashHasNoPeriodOnceItIsPublished(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &remote{}
		o := options(t, r, new(bytes.Buffer))
		o.Request.Ref = strings.Repeat("A", 40)
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = Run(ctx, o) }()
		time.Sleep(10 * time.Second)
		if got := testutil.ToFloat64(o.Metrics.period); got != o.Period.Seconds() {
			t.Errorf("before it is there the period is %v", got)
		}
		r.set(strings.Repeat("a", 40))
		time.Sleep(2 * time.Hour)
		if got := testutil.ToFloat64(o.Metrics.period); !math.IsInf(got, 1) {
			t.Errorf("afterwards the period is %v", got)
		}
		stop()
		synctest.Wait()
	})
}

// After a restart the commit is there, and nothing has been polled yet.
func TestAfterARestartTheMetricsTellOfTheCommitThatIsServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &remote{commit: "aaa"}
		o := options(t, r, new(bytes.Buffer))
		o.Once = true
		if err := Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("f", filepath.Join(o.Root, "..data", "link")); err != nil {
			t.Fatal(err)
		}
		r.set("")
		o.Once, o.Metrics = false, NewMetrics(prometheus.NewRegistry())
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = Run(ctx, o) }()
		synctest.Wait()
		if got := testutil.ToFloat64(o.Metrics.commit.WithLabelValues("aaa")); got != 1 {
			t.Errorf("the commit is not told: %v", got)
		}
		if files, bytes := testutil.ToFloat64(o.Metrics.files), testutil.ToFloat64(o.Metrics.bytes); files != 2 || bytes != 3 {
			t.Errorf("%v files of %v bytes, want 2 of 3", files, bytes)
		}
		if got := testutil.ToFloat64(o.Metrics.success); got != 0 {
			t.Errorf("the last success was at %v, want never", got)
		}
		stop()
		synctest.Wait()
	})
}

func TestMetricsBeginAtZeroAndFollowTheConventions(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	NewMetrics(registry)
	families, err := registry.Gather()
	if err != nil || len(families) != 6 { // all but the commit
		t.Fatalf("%d families (%v), want 6 from the start", len(families), err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
