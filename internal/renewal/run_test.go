// SPDX-License-Identifier: Apache-2.0

package renewal

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	day      = 24 * time.Hour
	validity = 90 * day
)

// options are those of the chart, for the fake.
func options(f *fake) Options {
	return Options{
		Cluster: f, Names: []string{"pillion-webhook.pillion-system.svc"}, Validity: validity,
		Settle: time.Minute, Overlap: 12 * time.Hour, Patience: 5 * time.Minute,
		Log: slog.New(slog.DiscardHandler),
	}
}

// bring runs to the end and returns what was written on the way.
func bring(f *fake) string {
	f.t.Helper()
	f.log = nil
	if err := Run(f.t.Context(), options(f)); err != nil {
		f.t.Fatal(err)
	}
	return f.done()
}

const (
	firstRun = "prepare, trust Mutating, trust Validating, hand over"
	renewed  = firstRun
	cleaned  = "remove, trust Mutating, trust Validating"
)

// inTime runs a test in a time of its own, which passes only while everybody waits.
func inTime(t *testing.T, do func(*testing.T, *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		do(t, f)
		f.check()
	})
}

func TestALifeOfCertificates(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, f *fake) {
		steps := []struct {
			name    string
			after   time.Duration
			do      func()
			want    string
			trusted int
			takes   time.Duration
		}{
			{"the first run waits for nothing: no pod serves anything", 0, nil, firstRun, 1, 0},
			{"the next day there is nothing to do", day, nil, "", 1, 0},
			{"before two thirds neither", 58 * day, nil, "", 1, 0},
			{"then it is renewed, and both are trusted", day, nil, renewed, 2, time.Minute},
			{"eleven hours later both still are", 11 * time.Hour, nil, "", 2, 0},
			{"and then the new one alone", time.Hour, nil, cleaned, 1, 0},
			{"a new entry gets its CA", day, func() {
				f.configurations[0].Entries = append(f.configurations[0].Entries, Entry{Name: "c"})
				f.configurations[0].Version += "+"
			}, "trust Mutating", 1, 0},
			{"a renewal can be asked for", day, func() { f.data[request] = []byte("now") }, renewed, 2, time.Minute},
			{"twice within the overlap, and all three are trusted", time.Minute, func() { f.data[request] = nil }, renewed, 3, time.Minute},
			{"after half a year without a run it is as at the start", 180 * day, nil, renewed, 1, 0},
			{"leaving an empty list of earlier ones to nobody", day, nil, "", 1, 0},
		}
		for _, step := range steps {
			time.Sleep(step.after)
			if step.do != nil {
				step.do()
			}
			start := time.Now()
			if got := bring(f); got != step.want {
				t.Errorf("%s: wrote %q, want %q", step.name, got, step.want)
			}
			if took := time.Since(start); took != step.takes {
				t.Errorf("%s: took %s, want %s", step.name, took, step.takes)
			}
			if n := f.count(); n != step.trusted {
				t.Errorf("%s: %d certificates are trusted, want %d", step.name, n, step.trusted)
			}
		}
	})
}

func TestWhatServesTodayStaysTrustedWhenTheSecretIsNew(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, f *fake) {
		other, err := newPair([]string{"of-cert-manager.svc"}, time.Now(), validity)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range f.configurations {
			for i := range c.Entries {
				c.Entries[i].CABundle = other.crt
			}
		}
		start := time.Now()
		if got := bring(f); got != firstRun {
			t.Errorf("wrote %q, want %q", got, firstRun)
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("took %s; pods serve something, so API servers must get their minute", took)
		}
		if n := f.count(); n != 2 || !bytes.Contains(f.configurations[1].Entries[0].CABundle, other.crt) {
			t.Errorf("%d certificates are trusted, want the stranger's and ours", n)
		}
		time.Sleep(12 * time.Hour)
		if got := bring(f); got != cleaned {
			t.Errorf("wrote %q the next day, want %q", got, cleaned)
		}
	})
}

func TestWhyACertificateIsRenewed(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		harm func(f *fake)
		want string
	}{
		"there is none":       {func(f *fake) { delete(f.data, servedCert) }, "there is none yet"},
		"the key is missing":  {func(f *fake) { f.data[servedKey] = nil }, "there is none yet"},
		"the key is another":  {func(f *fake) { f.data[servedKey] = foreign(f.t).key }, "it cannot be read: tls: private key does not match public key"},
		"the names are other": {func(f *fake) { p := foreign(f.t); f.data[servedCert], f.data[servedKey] = p.crt, p.key }, "it is not for the name pillion-webhook.pillion-system.svc"},
		"its time has come":   {func(*fake) { time.Sleep(60 * day) }, "two thirds of its life were over at 2000-02-29T23:40:00Z"},
		"it is asked for":     {func(f *fake) { f.data[request] = []byte{} }, "the Secret's key renew asks for it"},
		"the clock was wrong": {func(f *fake) {
			p, err := newPair([]string{"pillion-webhook.pillion-system.svc"}, time.Now().Add(48*time.Hour), validity)
			if err != nil {
				f.t.Fatal(err)
			}
			f.data[servedCert], f.data[servedKey] = p.crt, p.key
		}, "it is not valid before 2000-01-02T23:00:00Z by this machine's clock"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				bring(f)
				c.harm(f)
				f.version++
				o := options(f)
				var log bytes.Buffer
				o.Log = slog.New(slog.NewTextHandler(&log, nil))
				if err := Run(t.Context(), o); err != nil {
					t.Fatal(err)
				}
				if want := fmt.Sprintf("reason=%q", c.want); !strings.Contains(log.String(), want) {
					t.Errorf("the log lacks %s:\n%s", want, log.String())
				}
				bring(f)
				if got := bring(f); got != "" {
					t.Errorf("and it is not in order: %s", got)
				}
			})
		})
	}
}

func foreign(t *testing.T) *pair {
	t.Helper()
	p, err := newPair([]string{"elsewhere.svc"}, time.Now(), validity)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTrustThatSomebodyElseTakesAwayIsAnError(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, f *fake) {
		bring(f)
		time.Sleep(60 * day)
		theirs := f.configurations[0].Entries[0].CABundle
		f.before = func(what string) {
			if what == "read configurations" {
				f.configurations[0].Entries[0].CABundle = theirs
				f.configurations[0].Version += "x"
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		err := Run(ctx, options(f))
		const want = `Mutating pillion: the caBundle of ["a"] was set 5 times and each time changed by somebody else; ` +
			`one hand alone can keep it: remove the annotation cert-manager.io/inject-ca-from, or whatever else writes it`
		if err == nil || err.Error() != want {
			t.Errorf("the error is\n%v\nwant\n%s", err, want)
		}
	})
}

func TestAnInstallersLastObjectIsWaitedFor(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, f *fake) {
		o := options(f)
		o.Revision = "two"
		f.configurations[0].Revision, f.configurations[1].Revision = "two", "one"
		start := time.Now()
		f.before = func(string) {
			if time.Since(start) >= 4*time.Minute {
				f.configurations[1].Revision = "two"
			}
		}
		if err := Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		f.before = nil
		f.configurations[1].Revision = "one"
		err := Run(t.Context(), o)
		const want = `waited 5m0s: Validating pillion has the annotation pillion.dev/certificates-revision: "one", and that of this release, "two", is not found; ` +
			`has the release been applied only in part?`
		if err == nil || err.Error() != want {
			t.Errorf("the error is\n%v\nwant\n%s", err, want)
		}
	})
}
