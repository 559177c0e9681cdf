// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const (
	drainPoll = 50 * time.Millisecond
	// shutdownGrace ends a Shutdown that waits for a stuck connection. DrainMax
	// and this together must stay below the pod's termination grace period.
	shutdownGrace = 20 * time.Second
)

// drain serves on until nobody is connected, as Run describes.
//
// It does not call Shutdown early and never SetKeepAlivesEnabled(false): both
// close idle connections from our side, and a review that is on its way on one
// of them is lost.
func (s *Server) drain(stop context.Context, serving *http.Server, failed <-chan error) error {
	began := time.Now()
	s.draining.Store(true)
	s.opts.Log.Info("draining", "min", s.opts.DrainMin.String(), "max", s.opts.DrainMax.String(), "connections", s.room.count())

	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for {
		took, open := time.Since(began), s.room.count()
		if took >= s.opts.DrainMax || took >= s.opts.DrainMin && open == 0 {
			s.opts.Log.Info("drained", "took", took.Round(time.Millisecond).String(), "connections", open)
			break
		}
		select {
		case <-tick.C:
		case <-stop.Done():
			return ErrStopped
		case err := <-failed:
			return err
		}
	}
	return s.shutdown(stop, serving)
}

// shutdown closes the listener and what is idle, and lets requests finish.
func (s *Server) shutdown(stop context.Context, serving *http.Server) error {
	ctx, cancel := context.WithTimeout(stop, shutdownGrace)
	defer cancel()
	err := serving.Shutdown(ctx)
	switch {
	case err == nil:
		return nil
	case stop.Err() != nil:
		return ErrStopped
	default:
		return fmt.Errorf("shutdown: %d connections were still busy %s after the drain ended: %w", s.room.count(), shutdownGrace, err)
	}
}
