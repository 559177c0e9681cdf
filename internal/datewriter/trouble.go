// SPDX-License-Identifier: Apache-2.0

package datewriter

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"
)

// Time between two lines about trouble that lasts: it doubles from the one to the
// other.
const (
	minQuiet = time.Minute
	maxQuiet = time.Hour
)

// trouble tells the log about dates that could not be written: the first one at
// once, then less and less often, and when it is over. An app that makes trouble
// come and go gets two lines a minute out of it at most.
type trouble struct {
	log  *slog.Logger
	file string

	missed int           // dates in a row
	since  time.Time     // when the first of them was missed
	told   bool          // whether the log knows
	quiet  time.Duration // between the last line and the next one
	next   time.Time     // no line before
}

// report takes the outcome of one tick.
func (t *trouble) report(err error, now time.Time) {
	if err == nil {
		t.over(now)
		return
	}
	if t.missed == 0 {
		t.since = now
	}
	t.missed++
	if now.Before(t.next) {
		return
	}
	t.told = true
	t.quiet = min(max(2*t.quiet, minQuiet), maxQuiet)
	t.next = now.Add(t.quiet)
	t.log.Error("date not written; the next tick tries again", "file", t.file, "error", err.Error(),
		"advice", advice(err), "missed", t.missed)
}

func (t *trouble) over(now time.Time) {
	if t.told {
		t.log.Info("dates are written again", "file", t.file, "missed", t.missed, "after", now.Sub(t.since).Round(time.Second).String())
		t.quiet, t.next = 0, now.Add(minQuiet)
	}
	t.missed, t.told = 0, false
}

// advice says what would put err right.
func advice(err error) string {
	switch {
	case errors.Is(err, errDirectory):
		return `remove it, or set the option "file" to another name`
	case errors.Is(err, errPublished):
		return `set the option "file" to another name, which the repository does not have at its top`
	case noSpace(err):
		return "the volume or the node's disk is full: make room, or set a smaller max-size (the file needs up to twice that while it is shortened)"
	case errors.Is(err, syscall.EROFS):
		return "the volume is mounted read-only: make it writable for this helper"
	case errors.Is(err, os.ErrPermission):
		return fmt.Sprintf("let user %d write to the directory and to the file", os.Getuid())
	default:
		return "look for the cause on the node: its disk, or another process that writes to the volume"
	}
}

// noSpace reports whether err means that the volume, a quota or a limit is full.
func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
