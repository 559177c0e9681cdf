// SPDX-License-Identifier: Apache-2.0

package backoff

import (
	"testing"
	"time"
)

func TestTheWaitDoublesUpToItsLimit(t *testing.T) {
	t.Parallel()
	for failures, whole := range map[int]time.Duration{
		1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 6: 32 * time.Second, 7: time.Minute, 8: time.Minute, 1_000_000: time.Minute,
	} {
		for range 100 {
			if got := After(failures, time.Second, time.Minute); got < whole/2 || got > whole {
				t.Errorf("after %d failures it waits %v, want %v to %v", failures, got, whole/2, whole)
			}
		}
	}
	if got := After(1, time.Hour, time.Minute); got > time.Minute {
		t.Errorf("the first wait is %v, above the limit of a minute", got)
	}
}

func TestWaitsAreNotAllAlike(t *testing.T) {
	t.Parallel()
	first := Spread(time.Hour, 0.9, 1.1)
	for range 1000 {
		if Spread(time.Hour, 0.9, 1.1) != first {
			return
		}
	}
	t.Error("1000 waits are equal")
}
