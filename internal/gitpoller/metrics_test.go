// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
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
		r.set("bbb")
		time.Sleep(10 * time.Minute)
		last := r.seen()[len(r.seen())-1]
		stop()
		synctest.Wait()

		if got, want := testutil.ToFloat64(o.Metrics.success), float64(last.UnixNano())/1e9; math.Abs(got-want) > 0.001 {
			t.Errorf("last success is at %f, want %f, the last look", got, want)
		}
		if got := testutil.ToFloat64(o.Metrics.swaps); got != 2 {
			t.Errorf("%v commits published, want 2", got)
		}
		if got := testutil.ToFloat64(o.Metrics.looks.WithLabelValues("Unreachable")); got == 0 {
			t.Error("no look was Unreachable")
		}
		const want = `
# HELP pillion_git_commit_info Always 1. The label is the commit that is published.
# TYPE pillion_git_commit_info gauge
pillion_git_commit_info{commit="bbb"} 1
`
		if err := testutil.CollectAndCompare(o.Metrics.commit, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	})
}

func TestMetricsFollowTheConventions(t *testing.T) {
	t.Parallel()
	families, err := NewMetrics().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// scrape reads the metrics; "" if nobody serves them.
func scrape(address string) string {
	r, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		return ""
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	return string(body)
}

// freePort is an address that nobody listens at.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestMetricsAreServedUntilTheEnd(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	m := NewMetrics()
	go func() {
		defer close(ended)
		m.Serve(ctx, address, slog.New(slog.DiscardHandler))
	}()
	var text string
	for text == "" && t.Context().Err() == nil {
		text = scrape(address)
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	want := []string{"pillion_git_last_success_timestamp_seconds", "pillion_git_looks_total", "pillion_git_published_total"}
	if diff := cmp.Diff(want, names); diff != "" { // no commit is published yet
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	stop()
	<-ended
	if scrape(address) != "" {
		t.Error("it still serves")
	}
}

// A port that is taken costs the metrics and not the content.
func TestAPortThatIsTakenIsSaidAndWaitedFor(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	ctx, stop := context.WithCancel(t.Context())
	said := &firstWrite{done: stop}
	NewMetrics().Serve(ctx, taken.Addr().String(), slog.New(slog.NewTextHandler(said, nil))) // it returns because of stop
	if got := said.text; !strings.Contains(got, "metrics cannot be served; choose another metrics-port") || !strings.Contains(got, "address already in use") {
		t.Errorf("it says %q", got)
	}
}

// firstWrite keeps what is written first, and calls done.
type firstWrite struct {
	text string
	done func()
}

func (f *firstWrite) Write(p []byte) (int, error) {
	f.text = string(p)
	f.done()
	return len(p), nil
}
