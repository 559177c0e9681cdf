// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"io"
	"sync/atomic"
)

// errNoRoom is what reading a body, or writing an answer, ends with when the budget is spent.
var errNoRoom = errors.New("the replica holds as many request bodies and answers as it may")

// Sizes in bytes; see budget.
const (
	smallBody = 256 << 10 // what reviews of pods are made of
	// freeBody is what nearly all reviews of pods are made of, with their answers.
	freeBody = 16 << 10
)

// budget bounds the bytes of request bodies and answers that are held at one time, so that a
// flood of large ones costs answers and not the process. A body counts as it arrives: an
// announcement, or a client that sends nothing, takes no room from others. Bodies above
// smallBody get half of the room, so that stalled large ones leave the rest to pods.
//
// The first freeBody bytes of each request are free, since the number of connections bounds
// them: whatever others hold, they are taken.
type budget struct {
	most int64 // bytes
	held atomic.Int64
}

// take asks for n bytes more, of a large body or of anything else.
func (b *budget) take(n int64, large bool) bool {
	most := b.most
	if large {
		most /= 2
	}
	if b.held.Add(n) > most {
		b.held.Add(-n)
		return false
	}
	return true
}

// budgeted is a request body that takes its bytes from the budget. They are given back
// by release, not by Close: the handler holds what it has read.
type budgeted struct {
	io.ReadCloser
	budget *budget
	size   int64 // of the body as far as it was read, and of the answer as far as it was written
	full   bool  // the budget had no room
}

func (b *budgeted) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if !b.hold(n, b.size+int64(n) > smallBody) {
		// The rest is read and dropped: a client that is still sending can meet a reset
		// instead of the answer, and kube-apiserver does not repeat a call for that.
		_, _ = io.Copy(io.Discard, b.ReadCloser)
		b.full = true
		return 0, errNoRoom
	}
	return n, err
}

// hold takes n bytes from the budget, for the body or its answer.
func (b *budgeted) hold(n int, large bool) bool {
	size := b.size + int64(n)
	if more := charged(size) - charged(b.size); more > 0 && !b.budget.take(more, large) {
		return false
	}
	b.size = size
	return true
}

func (b *budgeted) release() { b.budget.held.Add(-charged(b.size)) }

// charged is what a request of a size takes from the budget.
func charged(size int64) int64 { return max(0, size-freeBody) }
