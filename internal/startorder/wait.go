// SPDX-License-Identifier: Apache-2.0

package startorder

import (
	"context"
	"fmt"
	"time"
)

// Time between two looks: the first, and what it grows to.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 250 * time.Millisecond
)

// wait returns when all conditions hold in one look at them. Its error says which
// one did not when ctx ended. Before the second look it calls waiting, with what
// was seen.
func wait(ctx context.Context, conditions []Condition, at place, waiting func(error)) error {
	var seen error
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		failed, err := look(ctx, conditions, at)
		if err == nil {
			return nil
		}
		if seen == nil || ctx.Err() == nil { // what was cut short says nothing
			seen = fmt.Errorf("%s: %w", failed, err)
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

// look returns the first condition that does not hold, and what was seen.
func look(ctx context.Context, conditions []Condition, at place) (Condition, error) {
	for _, c := range conditions {
		if err := c.check(ctx, at); err != nil {
			return c, err
		}
	}
	return Condition{}, nil
}
