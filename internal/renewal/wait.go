// SPDX-License-Identifier: Apache-2.0

package renewal

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// configurations waits until all are there, in the revision that is wanted. Its patience
// starts again at each call: what was there once is not expected to vanish.
func (r *run) configurations(ctx context.Context) ([]Configuration, error) {
	for start := time.Now(); ; {
		all, err := r.Cluster.Configurations(ctx)
		if err == nil {
			err = r.check(all)
		}
		if !errors.Is(err, ErrMissing) {
			return all, err
		}
		if time.Since(start) >= r.Patience {
			return nil, fmt.Errorf("waited %s: %w", r.Patience, err)
		}
		if err := pause(ctx, pollEvery); err != nil {
			return nil, err
		}
	}
}

// check is an [ErrMissing] if a configuration is one of another revision.
func (r *run) check(all []Configuration) error {
	for _, c := range all {
		if r.Revision != "" && c.Revision != r.Revision {
			return fmt.Errorf("%s has the annotation %s: %q, and that of this release, %q, is %w; has the release been applied only in part?",
				c, RevisionAnnotation, c.Revision, r.Revision, ErrMissing)
		}
	}
	return nil
}
