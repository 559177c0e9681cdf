// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Of one message so many lines are written at once, and then one in each sparingEvery.
const (
	sparingBurst = 10
	sparingEvery = 10 * time.Second
)

// sparing is a [slog.Handler] that thins out a flood: of all but the information level it
// writes no more lines of one message than the constants above say, and the next one
// that is written tells how many were left out. Information is written in full: it is
// about decisions, start and end. Messages are literals of ours, so they are few.
type sparing struct {
	slog.Handler
	lines *lines
}

// lines is what was written lately.
type lines struct {
	now func() time.Time

	mu sync.Mutex
	of map[line]*written
}

type line struct {
	level   slog.Level
	message string
}

// written is about one message: how many lines of the burst are left, when it was last
// filled up, and how many lines were left out since the last one.
type written struct {
	left    int
	at      time.Time
	skipped int
}

func spare(h slog.Handler) sparing {
	return sparing{h, &lines{now: time.Now, of: map[line]*written{}}}
}

// Handle implements [slog.Handler].
func (s sparing) Handle(ctx context.Context, r slog.Record) error {
	if r.Level == slog.LevelInfo {
		return s.Handler.Handle(ctx, r)
	}
	skipped, ok := s.lines.take(line{r.Level, r.Message})
	if !ok {
		return nil
	}
	if skipped > 0 {
		r.AddAttrs(slog.Int("unlogged", skipped))
	}
	return s.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (s sparing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return sparing{s.Handler.WithAttrs(attrs), s.lines}
}

// WithGroup implements [slog.Handler].
func (s sparing) WithGroup(name string) slog.Handler {
	return sparing{s.Handler.WithGroup(name), s.lines}
}

// take reports whether a line is to be written, and how many before it were not.
func (l *lines) take(of line) (skipped int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	w := l.of[of]
	if w == nil {
		w = &written{left: sparingBurst, at: now}
		l.of[of] = w
	}
	if more := int(now.Sub(w.at) / sparingEvery); more > 0 {
		w.left, w.at = min(w.left+more, sparingBurst), w.at.Add(time.Duration(more)*sparingEvery)
	}
	if w.left == 0 {
		w.skipped++
		return 0, false
	}
	w.left--
	skipped, w.skipped = w.skipped, 0
	return skipped, true
}
