// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/pillion-dev/pillion/internal/backoff"
)

// A Target is what to notify: a [*Request] or a [*Signal].
type Target interface {
	// Tell tells of a change once. An error says why the app has not heard.
	Tell(ctx context.Context, change string) error
	// String names the target for people.
	String() string
	// Kind labels metrics: "http" or "signal".
	Kind() string
}

// How often a target is told.
const (
	retryFirst  = time.Second
	retryAtMost = time.Minute
	// gap is the minimum time between two attempts, however fast changes come.
	gap = time.Second
)

// Notifier tells targets of changes. A nil *Notifier tells nobody.
type Notifier struct {
	tellers []*teller
}

// New makes a [Notifier] of targets, each of which is told independently of the others.
// It works while [Notifier.Run] does.
func New(log *slog.Logger, metrics *Metrics, targets ...Target) *Notifier {
	n := &Notifier{}
	for _, target := range targets {
		metrics.begin(target.Kind())
		n.tellers = append(n.tellers, &teller{
			target: target, metrics: metrics, log: log.With("notify", target.String()), news: make(chan struct{}, 1), outcome: func() {},
		})
	}
	return n
}

// Changed makes change what the targets are told next. It never waits. A change that a
// target has not heard of yet is forgotten: only the newest one matters.
func (n *Notifier) Changed(change string) {
	if n == nil {
		return
	}
	for _, t := range n.tellers {
		t.changed(change)
	}
}

// OnOutcome has f called after each attempt. It is set before Run.
func (n *Notifier) OnOutcome(f func()) {
	if n == nil {
		return
	}
	for _, t := range n.tellers {
		t.outcome = f
	}
}

// Run tells the targets until ctx ends.
func (n *Notifier) Run(ctx context.Context) {
	if n == nil {
		return
	}
	var all sync.WaitGroup
	for _, t := range n.tellers {
		all.Go(func() { t.run(ctx) })
	}
	all.Wait()
}

// State is how far a target has been told.
type State struct {
	Target  string    // "POST http://localhost:9090/-/reload", "HUP:nginx"
	Told    string    // the change that it heard of last; "" if none
	ToldAt  time.Time // when
	Pending bool      // it has not heard of the newest change
	Error   string    // why the last attempt failed; "" if it did not
}

// States are those of all targets.
func (n *Notifier) States() (states []State) {
	if n == nil {
		return nil
	}
	for _, t := range n.tellers {
		t.mu.Lock()
		states = append(states, t.state)
		states[len(states)-1].Target = t.target.String()
		t.mu.Unlock()
	}
	return states
}

// teller tells one target.
type teller struct {
	target  Target
	metrics *Metrics
	log     *slog.Logger
	outcome func()
	news    chan struct{} // holds one token if there may be a change to tell of

	mu     sync.Mutex
	newest string
	number int // of changes so far
	trying int // the number of the change that an attempt is about
	state  State
}

func (t *teller) changed(change string) {
	t.mu.Lock()
	if t.state.Pending && t.trying != t.number {
		t.metrics.superseded(t.target.Kind())
	}
	t.newest, t.state.Pending = change, true
	t.number++
	t.mu.Unlock()
	t.metrics.pending(t.target.Kind(), true)
	select {
	case t.news <- struct{}{}:
	default:
	}
}

// take is the newest change, and which one it is; an attempt about it begins. Both are one
// step: a change that came between them would count the taken one as superseded.
func (t *teller) take() (change string, number int, pending bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state.Pending {
		t.trying = t.number
	}
	return t.newest, t.number, t.state.Pending
}

// isNewest reports whether no change came after number.
func (t *teller) isNewest(number int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.number == number
}

// attempt tells of a taken change once, and takes note of the outcome. An attempt under way is
// not cut short by a newer change: an app that takes its time would never be told.
func (t *teller) attempt(ctx context.Context, change string, number int) error {
	err := t.target.Tell(ctx, change)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	t.metrics.attempted(t.target.Kind(), err)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trying = 0
	if err != nil {
		t.state.Error = err.Error()
		if t.number != number {
			t.metrics.superseded(t.target.Kind())
		}
		return err
	}
	t.state.Told, t.state.ToldAt, t.state.Error = change, time.Now(), ""
	if t.number == number {
		t.state.Pending = false
		t.metrics.pending(t.target.Kind(), false)
	}
	return nil
}

func (t *teller) run(ctx context.Context) {
	failures, last := 0, 0
	for {
		change, number, pending := t.take()
		if !pending {
			select {
			case <-ctx.Done():
				return
			case <-t.news:
			}
			continue
		}
		if number != last {
			failures, last = 0, number
		}
		began := time.Now()
		err := t.attempt(ctx, change, number)
		if ctx.Err() != nil {
			return
		}
		t.outcome()
		if err == nil {
			t.log.Info("app notified", "change", change, "attempts", failures+1, "took", time.Since(began).Round(time.Millisecond).String())
			backoff.Sleep(ctx, gap, nil)
			continue
		}
		failures++
		wait := backoff.After(failures, retryFirst, retryAtMost)
		t.log.Warn("notifying the app failed", "change", change, "error", err.Error(), "failures", failures, "retryIn", wait.Round(time.Millisecond).String())
		backoff.Sleep(ctx, gap, nil)
		if t.isNewest(number) {
			backoff.Sleep(ctx, wait-gap, t.news)
		}
	}
}
