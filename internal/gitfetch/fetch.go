// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"context"
)

// Fetch polls once, over a connection of its own: see [Session.Fetch].
func Fetch(ctx context.Context, r Request) (Result, error) {
	r.Keep = false
	return new(Session).Fetch(ctx, r)
}

func (f *fetcher) run(ctx context.Context) (Result, error) {
	if err := f.check(f.endpoint); err != nil {
		return Result{}, err
	}
	if hash40.MatchString(f.Ref) && f.Ref == f.Have {
		return Result{Commit: f.Have}, nil // a hash means the same forever
	}
	if err := f.connect(ctx); err != nil {
		return Result{}, err
	}
	return f.poll(ctx)
}
