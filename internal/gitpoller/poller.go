// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/pillion-dev/pillion/internal/backoff"
	"github.com/pillion-dev/pillion/internal/gitfetch"
	"github.com/pillion-dev/pillion/internal/gitref"
	"github.com/pillion-dev/pillion/internal/publish"
)

// retryFirst is how long to wait after a first failure.
const retryFirst = time.Second

// retryAtMost bounds the wait after many failures for short periods: a server that
// is back is noticed within that time.
const retryAtMost = time.Minute

// errOver is why a poll ends with the time for all of them.
var errOver = errors.New("the time for all attempts is over")

// Run works until ctx ends, and then returns nil at once. With Once it returns when a
// commit is published, or with an error when none could be in time or before ctx ended:
// success of an init container would start the app, which has nothing to work with.
func Run(ctx context.Context, o Options) error {
	volume, err := publish.Open(o.Root)
	if err != nil {
		return err
	}
	defer volume.Close()
	p := &poller{Options: o, volume: volume, report: newReport(&o)}
	p.Log = o.Log.With("repo", o.Request.Repo, "ref", o.Request.Ref)
	p.report.serves(o.Root, volume.Served())
	o.Notify.OnOutcome(p.report.show)
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
			return p.stopped()
		}
		if budget.Err() != nil {
			return fmt.Errorf("no commit could be published within %v: %w", o.Timeout, seen)
		}
	}
}

// stopped is how Run ends when ctx does.
func (p *poller) stopped() error {
	if p.Once {
		return errors.New("stopped before a commit was published")
	}
	return nil
}

// sync polls the remote and publishes what is new.
func (p *poller) sync(ctx context.Context) error {
	start := p.report.begin()
	have, served := p.volume.Current(), p.volume.Served()
	result, err := p.poll(ctx, have)
	if ctx.Err() != nil && err != nil {
		return err
	}
	p.report.end(start, result, err)
	if err != nil {
		return err
	}
	if p.failures > 0 {
		p.Log.Info("recovered", "failures", p.failures)
	}
	p.failures = 0
	if !result.Changed {
		return nil
	}
	debug.FreeOSMemory() // nothing like it will be needed before the next commit
	p.Log.Info("published", "commit", result.Commit, "previous", served,
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
	// An app that started with this commit, as after a restart of the node, has nothing to hear.
	if result.Commit != served && (served != "" || p.NotifyFirst) {
		p.Notify.Changed(result.Commit)
		p.report.show()
	}
	return nil
}

// pinned reports whether there will never be anything new.
func (p *poller) pinned() bool { return p.failures == 0 && gitref.IsHash(p.Request.Ref) }

// next is how long to wait before the next poll, after one that ended with err.
func (p *poller) next(err error) time.Duration {
	wait := backoff.Spread(p.Period, 0.9, 1.1)
	if err != nil {
		p.failures++
		wait = backoff.After(p.failures, retryFirst, max(p.Period, retryAtMost))
		if e, ok := errors.AsType[*gitfetch.Error](err); ok && e.RetryAfter > wait { // not before, and not all at once
			wait = backoff.Spread(e.RetryAfter, 1, 1.1)
		}
		p.Log.Warn("poll failed", "reason", string(Reason(err)), "error", err.Error(), "failures", p.failures,
			"retryIn", wait.Round(time.Millisecond).String(), "stillPublished", p.volume.Served())
	}
	p.report.due(wait, p.failures, p.pinned())
	return wait
}

// wait waits, and on the way removes what nobody needs any more.
func (p *poller) wait(ctx context.Context, d time.Duration) {
	end, pinned := time.Now().Add(d), p.pinned()
	if p.volume.Retired() > 0 && (d > p.Grace || pinned) {
		if p.sleep(ctx, p.Grace) || ctx.Err() != nil {
			return
		}
		if err := p.volume.Sweep(p.Grace, p.Request.MaxBytes); err != nil {
			p.Log.Warn("cleaning up failed", "error", err.Error())
		}
	}
	if pinned {
		p.sleep(ctx, 1<<63-1)
		return
	}
	p.sleep(ctx, time.Until(end))
}

// sleep waits for d, or until somebody asks for a poll, which it then tells.
func (p *poller) sleep(ctx context.Context, d time.Duration) (asked bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-p.Wake:
		p.Log.Info("asked to poll now")
		return true
	case <-timer.C:
	}
	return false
}
