// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/pillion-dev/pillion/internal/gitfetch"
	"github.com/pillion-dev/pillion/internal/publish"
)

// A Fetcher polls the remote once. Its error is a [*gitfetch.Error]; the result beside
// one holds at most a token.
type Fetcher func(context.Context, gitfetch.Request) (gitfetch.Result, error)

// Options say what to keep equal to what.
type Options struct {
	// Root is the volume in which commits are published.
	Root string
	// Request is what to ask for, without what a single poll adds.
	Request gitfetch.Request
	// Fetch polls.
	Fetch Fetcher
	// Period is the time between two polls.
	Period time.Duration
	// Once ends Run after the first publication.
	Once bool
	// Timeout is how long Run may try to get there, if Once is set.
	Timeout time.Duration
	// FetchTimeout is how long one poll may take.
	FetchTimeout time.Duration
	// Grace is how long a commit stays readable after the next one is published.
	Grace time.Duration
	// Metrics are told what happens.
	Metrics *Metrics
	// Log is told what happens.
	Log *slog.Logger
}

// retryFirst is how long to wait after a first failure.
const retryFirst = time.Second

// blameFor is how long a commit is refused without being fetched. What is wrong with it
// can change without the commit: a server may pack it smaller.
const blameFor = time.Hour

// retryAtMost bounds the wait after many failures for short periods: a server that
// is back is noticed within that time.
const retryAtMost = time.Minute

// errOver is why a poll ends with the time for all of them.
var errOver = errors.New("the time for all attempts is over")

type poller struct {
	Options
	volume   *publish.Volume
	failures int             // since the last success
	blamed   *gitfetch.Error // of a commit, which need not be fetched to be refused again
	since    time.Time       // of blamed
}

// Run works until ctx ends, and then returns nil at once. With Once it returns when a
// commit is published, or with an error when none could be in time or before ctx ended:
// success of an init container would start the app, which has nothing to work with.
func Run(ctx context.Context, o Options) error {
	volume, err := publish.Open(o.Root)
	if err != nil {
		return err
	}
	defer volume.Close()
	p := &poller{Options: o, volume: volume}
	p.Log = o.Log.With("repo", o.Request.Repo, "ref", o.Request.Ref)
	budget, cancel := ctx, context.CancelFunc(func() {})
	if o.Once {
		budget, cancel = context.WithTimeoutCause(ctx, o.Timeout, errOver)
	}
	defer cancel()
	var seen error
	for {
		err := p.sync(budget)
		if err == nil && o.Once {
			return nil
		}
		if seen == nil || budget.Err() == nil { // what was cut short says nothing
			seen = err
		}
		if budget.Err() == nil {
			p.wait(budget, p.next(err))
		}
		if ctx.Err() != nil {
			return p.told()
		}
		if budget.Err() != nil {
			return fmt.Errorf("no commit could be published within %v: %w", o.Timeout, seen)
		}
	}
}

// told is how Run ends when it is told to.
func (p *poller) told() error {
	if p.Once {
		return errors.New("stopped before a commit was published")
	}
	return nil
}

// sync polls the remote and publishes what is new.
func (p *poller) sync(ctx context.Context) error {
	start := time.Now()
	before := p.volume.Current()
	result, err := p.poll(ctx, before)
	if ctx.Err() != nil && err != nil {
		return err
	}
	p.Metrics.looked(err)
	if err != nil {
		return err
	}
	if p.failures > 0 {
		p.Log.Info("recovered", "failures", p.failures)
	}
	p.failures = 0
	p.Metrics.serves(result.Commit)
	if !result.Changed {
		return nil
	}
	p.Metrics.published()
	debug.FreeOSMemory() // nothing like it will be needed before the next commit
	p.Log.Info("published", "commit", result.Commit, "previous", before,
		"files", result.Files, "bytes", result.Bytes, "received", result.Received, "took", time.Since(start).Round(time.Millisecond).String())
	if result.Misfit != "" {
		p.Log.Warn("all of the commit was fetched, since what is published could not be built upon", "reason", result.Misfit)
	}
	if result.LFSPointers > 0 {
		p.Log.Warn("some files are pointers of git LFS, whose content is not fetched", "files", result.LFSPointers)
	}
	if result.Submodules > 0 {
		p.Log.Warn("submodules are published as empty directories: their content is in other repositories, and is not fetched", "submodules", result.Submodules)
	}
	return nil
}

// fullHash is a ref that always means the same.
var fullHash = regexp.MustCompile(`^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$`)

// next is how long to wait before the next poll, after one that ended with err.
func (p *poller) next(err error) time.Duration {
	if err == nil {
		return spread(p.Period, 0.9, 1.1)
	}
	p.failures++
	wait := spread(backOff(p.failures, max(p.Period, retryAtMost)), 0.5, 1)
	if e, ok := errors.AsType[*gitfetch.Error](err); ok && e.RetryAfter > wait { // not before, and not all at once
		wait = spread(e.RetryAfter, 1, 1.1)
	}
	p.Log.Warn("poll failed", "reason", string(Reason(err)), "error", err.Error(), "failures", p.failures,
		"retryIn", wait.Round(time.Millisecond).String(), "stillPublished", p.volume.Current())
	return wait
}

// wait waits, and on the way removes what nobody needs any more.
func (p *poller) wait(ctx context.Context, d time.Duration) {
	pinned := p.failures == 0 && fullHash.MatchString(p.Request.Ref)
	if p.volume.Retired() > 0 && (d > p.Grace || pinned) {
		if sleep(ctx, p.Grace); ctx.Err() != nil {
			return
		}
		if err := p.volume.Sweep(p.Grace, p.Request.MaxBytes); err != nil {
			p.Log.Warn("cleaning up failed", "error", err.Error())
		}
		d -= p.Grace
	}
	if pinned { // there will never be anything new
		<-ctx.Done()
		return
	}
	sleep(ctx, d)
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// backOff doubles from retryFirst to limit.
func backOff(failures int, limit time.Duration) time.Duration {
	wait := retryFirst
	for range failures - 1 {
		if wait *= 2; wait >= limit {
			return limit
		}
	}
	return min(wait, limit)
}

// spread keeps pods that were started together from asking together for ever.
func spread(d time.Duration, low, high float64) time.Duration {
	return time.Duration(float64(d) * (low + (high-low)*rand.Float64())) //nolint:gosec // no secret depends on it
}

// Reason is the reason of an error of a [Fetcher].
func Reason(err error) gitfetch.Reason {
	if e, ok := errors.AsType[*gitfetch.Error](err); ok {
		return e.Reason
	}
	return gitfetch.Local
}
