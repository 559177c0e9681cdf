// SPDX-License-Identifier: Apache-2.0

package datewriter

import (
	"context"
	"time"
)

// Run writes dates until ctx ends, and then returns nil at once. What goes wrong
// with the file is logged and tried again at the next tick, for as long as it
// takes: a helper that exits makes its pod unready. The only errors that Run
// returns are options that cannot be right.
func Run(ctx context.Context, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	w := newWriter(o)
	defer func() {
		w.close()
		if w.held != nil {
			w.held.Close()
		}
	}()
	w.tidy()
	o.Log.Info("writing dates", "file", o.File, "interval", o.Interval.String(), "mode", o.Mode,
		"format", o.Format, "timezone", w.Location.String(), "maxSize", o.MaxSize)
	t := trouble{log: o.Log, file: o.File}
	every(ctx, o.Interval, func() {
		if err := w.put(ctx, time.Now()); ctx.Err() == nil {
			t.report(err, time.Now())
		}
	})
	return nil
}

// margin is how far into a second of the wall clock a tick is: far enough that small
// corrections of the clock do not move it into the second before, and too little for
// a reader to notice.
const margin = 10 * time.Millisecond

// every calls do at once, and then at each tick until ctx ends.
//
// Ticks are a whole number of intervals apart by the monotonic clock, so they do
// not drift. Of the ticks that pass while do is slow or the process is stopped,
// one is made up for, late, and the others are left out.
//
// An interval of whole seconds ticks when a second of the wall clock has just begun,
// so that each second is seen exactly once. This is arranged at the start: when the
// wall clock jumps, what is written changes, but not when.
func every(ctx context.Context, interval time.Duration, do func()) {
	start := time.Now()
	var tick time.Duration // the last one that was due; since start, as all times here
	if interval%time.Second == 0 {
		tick = margin - time.Duration(start.Nanosecond())
	}
	timer := time.NewTimer(interval)
	defer timer.Stop()
	for ctx.Err() == nil {
		do()
		timer.Reset(tick + interval - time.Since(start))
		select {
		case <-ctx.Done():
		case <-timer.C:
			tick += (time.Since(start) - tick) / interval * interval
		}
	}
}
