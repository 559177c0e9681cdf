// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"io"
	"sync/atomic"
)

// errNoRoom is what reading a body ends with when the budget is spent.
var errNoRoom = errors.New("the replica holds as many request bodies as it may")

// smallBody is what reviews of pods are made of, in bytes; see budget.
const smallBody = 256 << 10

// budget bounds the bytes of request bodies that are held at one time, so that a flood
// of large ones costs answers and not the process. A body counts as it arrives: an
// announcement, or a client that sends nothing, takes no room from others. Bodies above
// smallBody get half of the room, so that stalled large ones leave the rest to pods.
type budget struct {
	most int64 // bytes
	held atomic.Int64
}

// take asks for n bytes more for a body of which read bytes are there.
func (b *budget) take(n, read int64) bool {
	most := b.most
	if read+n > smallBody {
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
	read   int64
	full   bool // the budget had no room
}

func (b *budgeted) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 && !b.budget.take(int64(n), b.read) {
		// The rest is read and dropped: a client that is still sending can meet a reset
		// instead of the answer, and kube-apiserver does not repeat a call for that.
		_, _ = io.Copy(io.Discard, b.ReadCloser)
		b.full = true
		return 0, errNoRoom
	}
	b.read += int64(n)
	return n, err
}

func (b *budgeted) release() { b.budget.held.Add(-b.read) }
