// SPDX-License-Identifier: Apache-2.0

package reloader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	"github.com/pillion-dev/pillion/internal/backoff"
	"github.com/pillion-dev/pillion/internal/notify"
)

// Options say what to watch and what to notify.
type Options struct {
	// Dirs are absolute paths of directories. One that is missing has no content for now.
	Dirs []string
	// Debounce is how long nothing may happen before a change counts, so that many
	// changes in a row are one. Changes that never stop count after ten times that.
	Debounce time.Duration
	// Interval is the time between two scans while the kernel reports changes.
	Interval time.Duration
	// Notify is told of each change.
	Notify *notify.Notifier
	// Metrics are told what happens.
	Metrics *Metrics
	// Log is told what happens.
	Log *slog.Logger
}

// polling is the maximum time between two scans while the kernel does not report all changes.
const polling = 5 * time.Second

// patience is how many scans in a row may find that the content changed while it was
// read, before it is taken as it was read: a later scan will correct that.
const patience = 3

type reloader struct {
	Options
	watch    *watcher
	dirs     []*directory
	begun    bool // all directories have been scanned once
	unsteady int  // scans in a row during which content changed
	trouble  string
}

// directory is one that is watched.
type directory struct {
	path  string
	seen  sum   // its fingerprint at the last scan, if that says enough
	holds sum   // its content when it could be read last
	files int   // of that
	err   error // why it could not be read the last time
}

// Run works until ctx ends, and then returns. What the directories hold when it begins is
// what the app starts with: that is told to nobody.
func Run(ctx context.Context, o Options) { run(ctx, o, newWatcher(o.Log)) }

func run(ctx context.Context, o Options, w *watcher) {
	r := &reloader{Options: o, watch: w}
	for _, dir := range o.Dirs {
		r.dirs = append(r.dirs, &directory{path: dir})
	}
	defer w.close()
	for ctx.Err() == nil {
		if r.scan() {
			r.await(ctx)
		}
		r.settle(ctx)
	}
}

// await waits for an event, or until it is time for a scan all the same.
func (r *reloader) await(ctx context.Context) {
	wait := r.Interval
	if !r.watch.complete() {
		wait = min(wait, polling)
	}
	backoff.Sleep(ctx, backoff.Spread(wait, 0.9, 1), r.watch.events)
}

// settle waits until nothing has happened for a while.
func (r *reloader) settle(ctx context.Context) {
	end := time.Now().Add(10 * r.Debounce)
	for ctx.Err() == nil && time.Now().Before(end) {
		before := r.watch.count.Load()
		backoff.Sleep(ctx, r.Debounce, nil)
		if r.watch.count.Load() == before {
			return
		}
	}
}

// scan checks whether the content has changed, and notifies the app. It is false if the content
// changed while it was read, so that there has to be another scan soon.
func (r *reloader) scan() (steady bool) {
	r.watch.begin()
	seen, fresh := make([]sum, len(r.dirs)), make([]bool, len(r.dirs))
	for i, d := range r.dirs {
		seen[i], fresh[i] = fingerprint(d.path, r.watch)
	}
	r.watch.end()
	moved := false
	steady = true
	for i, d := range r.dirs {
		if seen[i] == d.seen && d.err == nil {
			continue
		}
		holds, files, err := content(d.path)
		if now, _ := fingerprint(d.path, r.watch); now != seen[i] && r.unsteady+1 < patience {
			steady = false
			continue
		}
		d.seen, d.err = seen[i], err
		if fresh[i] {
			d.seen = sum{} // of no directory
		}
		if err == nil && holds != d.holds {
			d.holds, d.files, moved = holds, files, true
		}
	}
	if !steady {
		r.unsteady++
		if !moved {
			return false
		}
	} else {
		r.unsteady = 0
	}
	r.finish(moved, steady)
	return steady
}

// finish says what a scan has found.
func (r *reloader) finish(moved, steady bool) {
	files, id := 0, sha256.New()
	var errs []error
	for _, d := range r.dirs {
		files += d.files
		id.Write(d.holds[:])
		errs = append(errs, d.err)
	}
	err := errors.Join(errs...)
	name := hex.EncodeToString(id.Sum(nil))
	r.complain(err)
	result := unchanged
	switch {
	case moved && r.begun:
		result = changed
		r.Log.Info("content changed", "files", files, "content", name)
		r.Notify.Changed(name)
	case err != nil:
		result = failed
	}
	if steady && !r.begun {
		r.begun = true
		r.Log.Info("watching", "directories", r.Dirs, "files", files, "content", name)
	}
	r.Metrics.scanned(result, files, r.watch.directories())
}

// complain says once what is wrong, for as long as it is.
func (r *reloader) complain(err error) {
	trouble := text(err)
	switch {
	case trouble == r.trouble:
	case trouble != "":
		r.Log.Warn("a directory cannot be read; the app is notified of its content once it can", "error", trouble)
	default:
		r.Log.Info("recovered")
	}
	r.trouble = trouble
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
