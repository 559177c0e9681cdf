// SPDX-License-Identifier: Apache-2.0

package install

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// A tally is what became of the creates of a phase. Pods that asked for a helper
// failed if they were denied or nobody answered, and are bare if they came back without it.
type tally struct {
	running               sync.WaitGroup // creates without an answer
	begun                 time.Time
	asked, stored         int
	failed, bare          int
	unanswered            int // of those that failed: no API server said a word
	others, othersFailed  int
	othersTouched         int
	took                  []time.Duration // of those that asked
	complaints            []string
	firstFault, lastFault time.Time
}

// complain keeps the first few faults, which are all the same as a rule.
func (y *tally) complain(format string, args ...any) {
	y.lastFault = time.Now()
	if len(y.complaints) == 0 {
		y.firstFault = y.lastFault
	}
	if len(y.complaints) < 5 {
		y.complaints = append(y.complaints, fmt.Sprintf("at %s: ", time.Since(y.begun).Round(time.Millisecond))+fmt.Sprintf(format, args...))
	}
}

// add adds a later phase.
func (y *tally) add(later *tally) {
	y.asked, y.stored, y.others = y.asked+later.asked, y.stored+later.stored, y.others+later.others
	y.failed, y.bare, y.unanswered = y.failed+later.failed, y.bare+later.bare, y.unanswered+later.unanswered
	y.othersFailed, y.othersTouched = y.othersFailed+later.othersFailed, y.othersTouched+later.othersTouched
	y.took = append(y.took, later.took...)
	if len(later.complaints) == 0 {
		return
	}
	if len(y.complaints) == 0 {
		y.firstFault = later.firstFault
	}
	y.lastFault = later.lastFault
	y.complaints = append(y.complaints, later.complaints...)
}

// String tells the figures of a phase.
func (y *tally) String() string {
	slices.Sort(y.took)
	at := func(share float64) time.Duration {
		if len(y.took) == 0 {
			return 0
		}
		return y.took[int(share*float64(len(y.took)-1))].Round(100 * time.Microsecond)
	}
	lasted := time.Since(y.begun)
	text := fmt.Sprintf("%d pods asked for a helper in %s (%.0f/s, %d of them stored): %d failed (%d without an answer), %d bare; %d others: %d failed; create p50 %s, p99 %s, max %s",
		y.asked, lasted.Round(time.Second), float64(y.asked)/lasted.Seconds(), y.stored, y.failed, y.unanswered, y.bare, y.others, y.othersFailed, at(0.5), at(0.99), at(1))
	if len(y.complaints) > 0 {
		text += fmt.Sprintf("; faults from %s to %s", y.firstFault.Sub(y.begun).Round(time.Millisecond), y.lastFault.Sub(y.begun).Round(time.Millisecond))
	}
	return text
}
