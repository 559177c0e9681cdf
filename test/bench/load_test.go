// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bench

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A turn of a server ends with whichever is first.
const (
	turnReviews = 2000
	turnTime    = time.Second
)

// figures are what one server was measured at in one turn. What they are differs between
// the benchmarks.
type figures [3]float64

// reviewed is how many pods were, by all servers.
var reviewed atomic.Int64

// drive sends a review, of another pod each time, over some connections, each of which waits for an
// answer before it sends the next. All are open before anything is measured. The figures
// are processor time per review, and the median and the 99th percentile of the latency, in
// microseconds. The whole answer was checked before; here it has to have its size.
func (s *server) drive(name string, review *body, size, connections int) (figures, error) {
	var open, ended sync.WaitGroup
	var sent atomic.Int64
	var began time.Time
	begin := make(chan struct{})
	took := make([][]time.Duration, connections)
	errs := make([]error, connections)
	send := func() error {
		reply, err := s.post(name, review.of(reviewed.Add(1)))
		if err == nil && len(reply) != size {
			err = fmt.Errorf("%s answers %s with %d bytes, and before with %d", s.args[0], name, len(reply), size)
		}
		return err
	}
	for i := range connections {
		open.Add(1)
		ended.Go(func() {
			errs[i] = send()
			open.Done()
			<-begin
			for errs[i] == nil && time.Since(began) < turnTime && sent.Add(1) <= turnReviews {
				before := time.Now()
				errs[i] = send()
				took[i] = append(took[i], time.Since(before))
			}
		})
	}
	open.Wait()
	before, err := s.cpu()
	began = time.Now()
	close(begin)
	ended.Wait()
	after, err2 := s.cpu()
	if err := errors.Join(append(errs, err, err2)...); err != nil {
		return figures{}, err
	}
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	if len(all) == 0 {
		return figures{}, fmt.Errorf("%s: this machine is too busy, not one review was sent in %s", s.args[0], turnTime)
	}
	percentile := func(p int) float64 { return micros(all[len(all)*p/100]) }
	return figures{micros(after-before) / float64(len(all)), percentile(50), percentile(99)}, nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
