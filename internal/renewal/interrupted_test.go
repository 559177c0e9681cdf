// SPDX-License-Identifier: Apache-2.0

package renewal

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The process dies at a write, which may or may not arrive. The next run is at once, weeks
// later or when the pair in line has grown too old; what is trusted then fits what
// is served, at each moment on the way.
func TestARunThatDiesAtAnyWriteIsContinued(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		begin func(f *fake)
		steps int
	}{
		"at the first run": {func(*fake) {}, 4},
		"at a renewal":     {func(f *fake) { bring(f); time.Sleep(60 * day) }, 4},
		"at the cleaning":  {func(f *fake) { bring(f); time.Sleep(60 * day); bring(f); time.Sleep(day) }, 3},
		"after the Secret was lost": {func(f *fake) {
			bring(f)
			time.Sleep(day)
			f.data = map[string][]byte{}
			f.version++
		}, 4},
	}
	for name, c := range cases {
		for at := 1; at <= c.steps; at++ {
			for _, applied := range []bool{false, true} {
				for _, later := range []time.Duration{0, 25 * day, 70 * day} {
					t.Run(fmt.Sprintf("%s, write %d, arrived %t, continued after %s", name, at, applied, later), func(t *testing.T) {
						t.Parallel()
						inTime(t, func(t *testing.T, f *fake) {
							c.begin(f)
							f.writes, f.crashAt, f.applied = 0, at, applied
							if err := Run(t.Context(), options(f)); !errors.Is(err, errCrash) {
								t.Fatalf("the error is %v, want the crash at write %d of %d", err, at, f.writes)
							}
							time.Sleep(later)
							bring(f)
							time.Sleep(day)
							bring(f)
							if n := f.count(); n != 1 {
								t.Errorf("%d certificates are trusted in the end, want the one", n)
							}
							want := []string{since, servedCert, servedKey}
							if diff := cmp.Diff(want, keys(f.data)); diff != "" {
								t.Errorf("keys of the Secret in the end (-want +got):\n%s", diff)
							}
						})
					})
				}
			}
		}
	}
}

// A second run is at work between any two calls of the first one: it does all that there
// is to do, however long that takes.
func TestTwoRunsAtOnceDoNoHarm(t *testing.T) {
	t.Parallel()
	first := map[string]struct {
		begin func(f *fake)
		calls int
	}{
		"first run":          {func(*fake) {}, 14},
		"renewal":            {func(f *fake) { bring(f); time.Sleep(60 * day) }, 14},
		"cleaning":           {func(f *fake) { bring(f); time.Sleep(60 * day); bring(f); time.Sleep(day) }, 9},
		"run without a task": {func(f *fake) { bring(f); time.Sleep(day) }, 2},
	}
	for name, c := range first {
		for call := 1; call <= c.calls; call++ {
			for _, later := range []time.Duration{0, 61 * day} {
				t.Run(fmt.Sprintf("%s, interrupted at call %d for %s", name, call, later), func(t *testing.T) {
					t.Parallel()
					inTime(t, func(t *testing.T, f *fake) {
						c.begin(f)
						calls := 0
						f.before = func(string) {
							if calls++; calls != call {
								return
							}
							f.before = nil
							f.data[request] = nil
							f.version++
							bring(f)
							time.Sleep(later)
							bring(f)
						}
						bring(f)
						if f.before != nil {
							t.Fatalf("the run made %d calls, the %dth was to be interrupted", calls, call)
						}
						time.Sleep(day)
						bring(f)
						if n := f.count(); n != 1 {
							t.Errorf("%d certificates are trusted in the end, want the one", n)
						}
					})
				})
			}
		}
	}
}

// The wait is for what is in the entries now, not for what was there when it began.
func TestTheWaitStartsAnewWithEachChangeOfTrust(t *testing.T) {
	t.Parallel()
	cases := map[string]func(f *fake){
		"somebody took it away": func(f *fake) {
			f.configurations[0].Entries[0].CABundle = nil
			f.configurations[0].Version += "x"
			f.bundles = record(f.bundles, "Mutating a", f.data[servedCert])
		},
		"another run came as far, and died": func(f *fake) {
			delete(f.data, nextCert)
			f.version++
			ctx, cancel := context.WithTimeout(f.t.Context(), time.Second)
			defer cancel()
			if err := Run(ctx, options(f)); !errors.Is(err, context.DeadlineExceeded) {
				f.t.Error(err)
			}
		},
	}
	for name, meanwhile := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inTime(t, func(t *testing.T, f *fake) {
				bring(f)
				time.Sleep(60 * day)
				start := time.Now()
				f.before = func(what string) {
					if what == "read configurations" && time.Since(start) == time.Minute {
						f.before = nil
						meanwhile(f)
					}
				}
				bring(f)
				if took := time.Since(start); took < 2*time.Minute {
					t.Errorf("took %s; a minute had passed when trust changed, and another was due", took)
				}
			})
		})
	}
}

func TestANextPairThatIsOfNoUseIsMadeAgain(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		after time.Duration
		names []string
	}{
		"it waited for too long":     {70 * day, []string{"pillion-webhook.pillion-system.svc"}},
		"the names have changed":     {time.Hour, []string{"other.pillion-system.svc"}},
		"there is one more name now": {time.Hour, []string{"pillion-webhook.pillion-system.svc", "other.pillion-system.svc"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inTime(t, func(t *testing.T, f *fake) {
				bring(f)
				time.Sleep(60 * day)
				f.writes, f.crashAt = 0, 4
				if err := Run(t.Context(), options(f)); !errors.Is(err, errCrash) {
					t.Fatalf("the error is %v, want the crash", err)
				}
				time.Sleep(c.after)
				f.log = nil
				o := options(f)
				o.Names = c.names
				if err := Run(t.Context(), o); err != nil {
					t.Fatal(err)
				}
				if got := f.done(); got != renewed {
					t.Errorf("wrote %q, want %q: one handing over, of a fresh pair", got, renewed)
				}
			})
		})
	}
}

func keys(data map[string][]byte) []string {
	var all []string
	for _, k := range []string{nextCert, nextKey, previous, request, since, servedCert, servedKey} {
		if _, there := data[k]; there {
			all = append(all, k)
		}
	}
	return all
}
