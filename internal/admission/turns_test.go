// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestFewReviewsAreDecidedOnAtOneTime(t *testing.T) {
	t.Parallel()
	for size, most := range map[int]int64{1: 4, usual: 4, usual + 1: 1} {
		turns := newTurns()
		var now, peak atomic.Int64
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				defer turns.wait(size)()
				n := now.Add(1)
				for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
				}
				time.Sleep(time.Millisecond)
				now.Add(-1)
			})
		}
		all.Wait()
		if got := peak.Load(); got > most {
			t.Errorf("%d reviews of %d bytes were decided on at one time, want at most %d", got, size, most)
		}
	}
}

// unread is a client that does not read its answer until it is told to.
type unread struct {
	*httptest.ResponseRecorder
	writing chan<- struct{}
	read    <-chan struct{}
}

func (u unread) Write(b []byte) (int, error) {
	u.writing <- struct{}{}
	<-u.read
	return u.ResponseRecorder.Write(b)
}

func TestAnAnswerThatNobodyReadsTakesNoTurn(t *testing.T) {
	t.Parallel()
	for name, pad := range map[string]int{"a usual size": 0, "an unusual size": usual} {
		t.Run("reviews of "+name, func(t *testing.T) {
			t.Parallel()
			e := builtinEdge()
			review := reviewOf([]byte(fmt.Sprintf(`{"metadata":{"annotations":{"date-writer.pillion.dev/mount-path":"/html","a":%q}},"spec":{"containers":[{"name":"web","image":"nginx"}]}}`, strings.Repeat("x", pad))))
			writing, read := make(chan struct{}), make(chan struct{})
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					r := httptest.NewRequest(http.MethodPost, "/inject/default", bytes.NewReader(review))
					r.Header.Set("Content-Type", "application/json")
					e.ServeHTTP(unread{httptest.NewRecorder(), writing, read}, r)
				})
			}
			for i := range 8 {
				select {
				case <-writing:
				case <-time.After(time.Minute):
					t.Errorf("%d reviews are decided on while nobody reads the answers, want 8", i)
					close(read)
					return
				}
			}
			close(read)
			all.Wait()
		})
	}
}

// A review that does not arrive whole keeps the memory that it was given.
func TestLittleMemoryIsUsedAgain(t *testing.T) {
	t.Parallel()
	var held []*memory
	for range 1000 {
		m := newMemory() // of a large review, which is answered
		m.body = make([]byte, usual)
		m.release()
		held = append(held, newMemory()) // of one that does not arrive
	}
	size := 0
	for _, m := range held {
		size += cap(m.body) + cap(m.patched) + cap(m.answer)
		m.release()
	}
	if most := 16 * usual; size > most {
		t.Errorf("1000 reviews of which nothing has arrived hold %d bytes, want at most %d", size, most)
	}
}
