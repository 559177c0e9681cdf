// SPDX-License-Identifier: Apache-2.0

package startorder

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fake is a condition that calls check with the time since it was made.
func fake(text string, check func(time.Duration) error) Condition {
	begin := time.Now()
	return Condition{text, func(context.Context, place) error { return check(time.Since(begin)) }}
}

var errNotYet = errors.New("not yet")

func TestLooksBecomeRarer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var checks []int64
		said := 0
		c := fake("c", func(at time.Duration) error {
			checks = append(checks, at.Milliseconds())
			if at < 2*time.Second {
				return errNotYet
			}
			return nil
		})
		if err := wait(t.Context(), []Condition{c}, place{}, func(error) { said++ }); err != nil || said != 1 {
			t.Errorf("%v, said %d times", err, said)
		}
		if diff := cmp.Diff([]int64{0, 10, 25, 47, 81, 131, 207, 321, 492, 742, 992, 1242, 1492, 1742, 1992, 2242}, checks); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAllMustHoldInOneLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		early := fake("early", func(at time.Duration) error { // holds, and then not for a while
			if at > time.Second && at < 3*time.Second {
				return errNotYet
			}
			return nil
		})
		late := fake("late", func(at time.Duration) error {
			if at < 2*time.Second {
				return errNotYet
			}
			return nil
		})
		if err := wait(t.Context(), []Condition{early, late}, place{}, nil); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < 3*time.Second || took > 3250*time.Millisecond {
			t.Errorf("it took %s", took)
		}
	})
}

func TestTheEndSaysWhatWasLastSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c := Condition{"slow", func(ctx context.Context, _ place) error {
			select {
			case <-time.After(time.Second):
				return errNotYet
			case <-ctx.Done():
				return ctx.Err() // cut short, which says nothing about the condition
			}
		}}
		err := wait(ctx, []Condition{c}, place{}, nil)
		if err == nil || err.Error() != "slow: not yet" {
			t.Errorf("got %v", err)
		}
	})
}

func TestNothingToWaitForTakesNoTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		said := false
		c := fake("c", func(time.Duration) error { return nil })
		if err := wait(t.Context(), []Condition{c, c}, place{}, func(error) { said = true }); err != nil || said {
			t.Errorf("%v, said something: %v", err, said)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("it took %s", took)
		}
	})
}

// A file system whose server is gone does not answer.
func TestAQuestionWithoutAnAnswerHasAnEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		forever := make(chan struct{})
		defer close(forever)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begin := time.Now()
		good := fake("good", func(time.Duration) error { return nil })
		hangs := fake("file:/nfs/x", func(time.Duration) error { <-forever; return nil })
		err := wait(ctx, []Condition{good, hangs}, place{}, nil)
		if err == nil || err.Error() != "file:/nfs/x: no answer yet" {
			t.Errorf("got %v", err)
		}
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}
