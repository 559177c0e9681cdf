// SPDX-License-Identifier: Apache-2.0

// Package backoff says how long to wait before the next attempt.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// After is how long to wait after so many failures in a row, at least 1: first, then
// twice as long each time, at most limit; of that, by chance, a half to the whole.
func After(failures int, first, limit time.Duration) time.Duration {
	return Spread(doubled(failures, first, limit), 0.5, 1)
}

func doubled(failures int, first, limit time.Duration) time.Duration {
	wait := first
	for range failures - 1 {
		if wait *= 2; wait >= limit {
			return limit
		}
	}
	return min(wait, limit)
}

// Spread is d times a number between low and high. It keeps pods that were started
// together from doing the same together forever.
func Spread(d time.Duration, low, high float64) time.Duration {
	return time.Duration(float64(d) * (low + (high-low)*rand.Float64())) //nolint:gosec // no secret depends on it
}

// Sleep waits for d, for ctx, or for wake, which may be nil.
func Sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}
