// SPDX-License-Identifier: Apache-2.0

package datewriter

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A simulated day: time passes only while everybody waits.
func TestADayHasEachSecondOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(700 * time.Millisecond) // a start in the middle of a second
		o := options(t)
		o.MaxSize = 8 << 20
		begin := time.Now().Truncate(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		if err := Run(ctx, o); err != nil {
			t.Fatal(err)
		}
		var want strings.Builder
		for i := range 86_401 { // the last one began 0.69 s before the day was over
			want.WriteString(begin.Add(time.Duration(i)*time.Second).UTC().Format(time.RFC3339) + "\n")
		}
		if got := read(t, o.File); got != want.String() {
			t.Errorf("got %d bytes that end with %q, want %d that end with %q", len(got), end(got), want.Len(), end(want.String()))
		}
	})
}

func end(s string) string { return s[max(0, len(s)-60):] }

// ticks records when do is called while every runs for a while, as the time since
// a second began. The call of number n takes took(n).
func ticks(t *testing.T, interval, into, total time.Duration, took func(n int) time.Duration) []time.Duration {
	t.Helper()
	var got []time.Duration
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		time.Sleep(into)
		ctx, cancel := context.WithTimeout(t.Context(), total)
		defer cancel()
		every(ctx, interval, func() {
			got = append(got, time.Since(begin))
			time.Sleep(took(len(got) - 1))
		})
		if since := time.Since(begin) - into; since > total+took(len(got)-1) {
			t.Errorf("it took %s to stop after %s", since, total)
		}
	})
	return got
}

func atOnce(int) time.Duration { return 0 }

// only makes one call slow.
func only(slow int, by time.Duration) func(int) time.Duration {
	return func(n int) time.Duration {
		if n == slow {
			return by
		}
		return 0
	}
}

func TestTicks(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		interval, into, total time.Duration
		took                  func(int) time.Duration
		want                  []time.Duration
	}{
		"whole seconds tick just after a second began":          {time.Second, 700 * ms, 3 * time.Second, atOnce, []time.Duration{700 * ms, 1010 * ms, 2010 * ms, 3010 * ms}},
		"a start just before a second misses none":              {time.Second, 999 * ms, 2 * time.Second, atOnce, []time.Duration{999 * ms, 1010 * ms, 2010 * ms}},
		"a start at a second does not write it twice":           {time.Second, 0, 3 * time.Second, atOnce, []time.Duration{0, 1010 * ms, 2010 * ms}},
		"ten seconds tick just after a second too":              {10 * time.Second, 700 * ms, 25 * time.Second, atOnce, []time.Duration{700 * ms, 10010 * ms, 20010 * ms}},
		"parts of seconds are counted from the start":           {250 * ms, 30 * ms, 800 * ms, atOnce, []time.Duration{30 * ms, 280 * ms, 530 * ms, 780 * ms}},
		"a second and a half too":                               {1500 * ms, 30 * ms, 4 * time.Second, atOnce, []time.Duration{30 * ms, 1530 * ms, 3030 * ms}},
		"a slow start misses no second":                         {time.Second, 999 * ms, 2 * time.Second, only(0, 30*ms), []time.Duration{999 * ms, 1029 * ms, 2010 * ms}},
		"a slow date moves nothing":                             {time.Second, 0, 4 * time.Second, only(1, 900*ms), []time.Duration{0, 1010 * ms, 2010 * ms, 3010 * ms}},
		"a date that takes an interval makes the next one late": {time.Second, 0, 4 * time.Second, only(1, 1200*ms), []time.Duration{0, 1010 * ms, 2210 * ms, 3010 * ms}},
		"a long stop is made up for by one date, not a burst":   {time.Second, 0, 9 * time.Second, only(1, 5500*ms), []time.Duration{0, 1010 * ms, 6510 * ms, 7010 * ms, 8010 * ms}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ticks(t, c.interval, c.into, c.total, c.took)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestADayOfUnevenDisksHasEachSecondOnce(t *testing.T) {
	t.Parallel()
	chance := rand.New(rand.NewPCG(3, 4))
	took := make([]time.Duration, 90_000)
	for i := range took {
		took[i] = time.Duration(chance.Int64N(int64(980 * time.Millisecond)))
	}
	got := ticks(t, time.Second, 300*time.Millisecond, 24*time.Hour, func(n int) time.Duration { return took[n] })
	for i, at := range got {
		if int(at/time.Second) != i {
			t.Fatalf("date %d is written at %s", i, at)
		}
	}
	if len(got) != 86_401 {
		t.Errorf("%d dates in a day, want 86401", len(got))
	}
}

func TestTheEndIsAtOnceAndClean(t *testing.T) {
	t.Parallel()

	t.Run("between two dates", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			o := options(t)
			o.Interval = time.Hour
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- Run(ctx, o) }()
			synctest.Wait()
			begin := time.Now()
			cancel()
			if err := <-done; err != nil || time.Since(begin) != 0 {
				t.Errorf("Run ends after %s with %v, want at once with nil", time.Since(begin), err)
			}
			if diff := cmp.Diff([]string{"index.html"}, newWriter(o).names(t)); diff != "" {
				t.Error(diff)
			}
		})
	})

	t.Run("before the first date", func(t *testing.T) {
		t.Parallel()
		o := options(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		must(t, Run(ctx, o))
		if names := newWriter(o).names(t); names != nil {
			t.Errorf("there is %v, want nothing", names)
		}
	})

	t.Run("while a big file is shortened", func(t *testing.T) {
		t.Parallel()
		o := options(t)
		o.MaxSize = 1 << 20
		before := dates(0, int(o.MaxSize)/len(noonLine)+1)
		write(t, o.File, before)
		ctx, cancel := context.WithCancel(t.Context())
		w := start(t, o)
		whole := w.write
		w.write = func(f *os.File, p []byte) (int, error) {
			cancel()
			return whole(f, p)
		}
		if err := w.put(ctx, noon); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want that of the context", err)
		}
		if got := read(t, o.File); got != before {
			t.Errorf("the file has %d bytes, want the %d that it had", len(got), len(before))
		}
		if names := w.names(t); !slices.Equal(names, []string{"index.html"}) {
			t.Errorf("there is %v, want the file alone", names)
		}
	})
}

func TestWhatRunLogs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, log := options(t), &journal{}
		o.Log = log.logger()
		w := newWriter(o)
		must(t, os.Mkdir(o.File, 0o755))
		write(t, w.temp, "left behind")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- Run(ctx, o) }()
		time.Sleep(10500 * time.Millisecond)
		if diff := cmp.Diff([]string{"index.html"}, w.names(t)); diff != "" {
			t.Error("what a killed writer left is still there:\n" + diff)
		}
		must(t, os.Remove(o.File))
		time.Sleep(10 * time.Second)
		cancel()
		must(t, <-done)
		want := []string{
			"level=INFO msg=\"writing dates\" file=" + o.File + " interval=1s mode=append format=rfc3339 timezone=UTC maxSize=4096",
			"level=ERROR msg=\"date not written; the next tick tries again\" file=" + o.File + " error=\"" + o.File +
				" is a directory\" advice=\"remove it, or set the option \\\"file\\\" to another name\" missed=1",
			"level=INFO msg=\"dates are written again\" file=" + o.File + " missed=11 after=11s",
		}
		if diff := cmp.Diff(want, log.lines()); diff != "" {
			t.Error(diff)
		}
	})
}
