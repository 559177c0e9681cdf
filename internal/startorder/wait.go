// SPDX-License-Identifier: Apache-2.0

package startorder

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/pillion-dev/pillion/internal/safedir"
)

// Time between two checks: the first, and what it grows to.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 250 * time.Millisecond
)

// wait returns when all conditions hold in one check of them. Its error says which
// one did not when ctx ended, or is a [safedir.Error], which time does not cure. Before
// the second check it calls waiting, with what was seen.
func wait(ctx context.Context, conditions []Condition, at place, waiting func(error)) error {
	var seen error
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		failed, err := firstUnmet(ctx, conditions, at)
		if err == nil {
			return nil
		}
		if seen == nil || ctx.Err() == nil { // what was cut short says nothing
			seen = fmt.Errorf("%s: %w", failed, err)
		}
		if isUnsafe(err) {
			return seen
		}
		if waiting != nil {
			waiting(seen)
			waiting = nil
		}
		select {
		case <-ctx.Done():
			return seen
		case <-time.After(pause):
		}
	}
}

// isUnsafe reports whether something lies where containers tell of their start that no
// wrapper has put there.
func isUnsafe(err error) bool {
	var e *safedir.Error
	return errors.As(err, &e)
}

var errNoAnswer = errors.New("no answer yet")

// firstUnmet returns the first condition that does not hold, and what was seen. It returns
// when ctx ends even if the system does not answer, as a file system of a network does
// whose server is gone: then the question is left behind in its goroutine.
func firstUnmet(ctx context.Context, conditions []Condition, at place) (Condition, error) {
	type answer struct {
		condition Condition
		err       error
	}
	answers := make(chan answer, 1)
	var asked atomic.Int64
	go func() {
		for i, c := range conditions {
			asked.Store(int64(i))
			if err := c.check(ctx, at); err != nil {
				answers <- answer{c, err}
				return
			}
		}
		answers <- answer{}
	}()
	select {
	case a := <-answers:
		return a.condition, a.err
	case <-ctx.Done():
		return conditions[asked.Load()], errNoAnswer
	}
}
