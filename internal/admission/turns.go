// SPDX-License-Identifier: Apache-2.0

package admission

// turns bound the reviews that are decided on at one time, since what is read of a pod can take
// many times its size in memory: three bytes become a container. A decision waits for nothing,
// so more of them than processors make none of them faster.
type turns struct{ usual, large chan struct{} }

func newTurns() *turns {
	const atOnce = 4
	return &turns{make(chan struct{}, atOnce), make(chan struct{}, 1)}
}

// wait returns when it is the turn of a review of that size in bytes; end is to be called before
// its answer is written, since nobody has to read that.
func (t *turns) wait(size int) (end func()) {
	kind := t.usual
	if size > usual {
		kind = t.large
	}
	kind <- struct{}{}
	return func() { <-kind }
}
