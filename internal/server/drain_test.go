// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// draining starts a server, lets c make a request so that it holds an idle
// connection, and begins the drain.
func draining(t *testing.T, shortest, longest time.Duration) (*running, *http.Client) {
	t.Helper()
	r := start(t, echo, func(_ *running, o *Options) { o.DrainMin, o.DrainMax = shortest, longest })
	c := r.client(t)
	r.untilReady(t)
	if resp, _ := r.post(t, c, "before"); resp.Close {
		t.Fatal("an answer before the drain closes its connection")
	}
	r.drain()
	eventually(t, "the drain begins", r.draining.Load)
	return r, c
}

// stays fails the test if Run returns within a moment.
func (r *running) stays(t *testing.T, why string) {
	t.Helper()
	select {
	case err := <-r.done:
		t.Fatalf("Run returned %v, but %s", err, why)
	case <-time.After(4 * drainPoll):
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()

	t.Run("every answer of a drain closes its connection, on old and new ones", func(t *testing.T) {
		t.Parallel()
		r, old := draining(t, time.Hour, time.Hour)
		for _, c := range []*http.Client{old, r.client(t), r.client(t)} {
			if resp, text := r.post(t, c, "during"); resp.StatusCode != http.StatusOK || text != "during" || !resp.Close {
				t.Errorf("answer %d %q, close %v, want 200, during and true", resp.StatusCode, text, resp.Close)
			}
		}
		eventually(t, "all connections are closed", func() bool { return r.room.count() == 0 })
		r.stays(t, "the minimum is an hour")
	})

	t.Run("a draining server lives but is not ready", func(t *testing.T) {
		t.Parallel()
		r, _ := draining(t, time.Hour, time.Hour)
		if code, text := r.health(t, "/readyz"); code != http.StatusServiceUnavailable || text != "draining\n" {
			t.Errorf("/readyz answers %d %q, want 503 draining", code, text)
		}
		if code, _ := r.health(t, "/healthz"); code != http.StatusOK {
			t.Errorf("/healthz answers %d, want 200", code)
		}
	})

	t.Run("the server leaves when the minimum is over and nobody is connected", func(t *testing.T) {
		t.Parallel()
		const shortest = 300 * time.Millisecond
		began := time.Now()
		r, c := draining(t, shortest, time.Hour)
		c.CloseIdleConnections()
		if err := r.ended(t); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if took := time.Since(began); took < shortest {
			t.Errorf("the drain took %s, want at least %s", took, shortest)
		}
	})

	t.Run("an idle connection is left to its client to close", func(t *testing.T) {
		t.Parallel()
		r, c := draining(t, time.Millisecond, time.Hour)
		r.stays(t, "a connection is open")
		c.CloseIdleConnections()
		if err := r.ended(t); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})

	t.Run("at the maximum an idle connection is closed", func(t *testing.T) {
		t.Parallel()
		r, _ := draining(t, time.Millisecond, 10*time.Millisecond)
		if err := r.ended(t); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if !strings.Contains(r.log.String(), "connections=1") {
			t.Errorf("the log does not tell that one connection was left:\n%s", r.log)
		}
	})

	t.Run("a renewed certificate is taken up in a drain too", func(t *testing.T) {
		t.Parallel()
		r, _ := draining(t, time.Hour, time.Hour)
		r.leaf = issue(t)
		r.leaf.writeTo(t, r.dir)
		eventually(t, "the new certificate is shown", func() bool { _, err := r.dial(t); return err == nil })
	})
}

func TestRequestInFlight(t *testing.T) {
	t.Parallel()
	for name, longest := range map[string]time.Duration{
		"a request in flight is answered with a live context, and closes its connection": time.Hour,
		"a request in flight at the maximum is answered too":                             time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entered, release, live := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			r := start(t, func(_ http.ResponseWriter, req *http.Request) {
				close(entered)
				<-release
				live <- req.Context().Err()
			}, func(_ *running, o *Options) { o.DrainMin, o.DrainMax = time.Millisecond, longest })

			addr, c := r.untilReady(t), r.client(t)
			closed := make(chan bool, 1)
			go func() {
				resp, err := c.Get("https://" + addr)
				closed <- err == nil && resp.StatusCode == http.StatusOK && resp.Close
			}()
			<-entered
			r.drain()
			eventually(t, "the drain begins", r.draining.Load)
			r.stays(t, "a request is in flight")
			close(release)
			if err := <-live; err != nil {
				t.Errorf("the handler's context ended: %v", err)
			}
			if !<-closed {
				t.Error("the answer is not a 200 that closes its connection")
			}
			if err := r.ended(t); err != nil {
				t.Errorf("Run = %v, want nil", err)
			}
		})
	}
}

func TestStop(t *testing.T) {
	t.Parallel()

	for name, drainFirst := range map[string]bool{
		"a second signal ends the drain at once": true,
		"a stop without a drain ends at once":    false,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entered, cut := make(chan struct{}), make(chan error, 1)
			r := start(t, func(_ http.ResponseWriter, req *http.Request) {
				close(entered)
				<-req.Context().Done()
				cut <- req.Context().Err()
			})
			addr, c := r.untilReady(t), r.client(t)
			failed := make(chan error, 1)
			go func() {
				_, err := c.Get("https://" + addr) //nolint:bodyclose // there is no response
				failed <- err
			}()
			<-entered
			if drainFirst {
				r.drain()
				eventually(t, "the drain begins", r.draining.Load)
			}
			r.stop()
			if err := r.ended(t); !errors.Is(err, ErrStopped) {
				t.Errorf("Run = %v, want ErrStopped", err)
			}
			if err := <-cut; !errors.Is(err, context.Canceled) {
				t.Errorf("the handler's context ended with %v, want context.Canceled", err)
			}
			if err := <-failed; err == nil {
				t.Error("the client got an answer")
			}
		})
	}

	t.Run("a second signal ends a shutdown that hangs", func(t *testing.T) {
		t.Parallel()
		entered := make(chan struct{})
		r := start(t, func(_ http.ResponseWriter, req *http.Request) {
			close(entered)
			<-req.Context().Done()
		}, func(_ *running, o *Options) { o.DrainMin, o.DrainMax = 0, 0 })
		addr, c := r.untilReady(t), r.client(t)
		go func() {
			_, _ = c.Get("https://" + addr) //nolint:bodyclose // there is no response
		}()
		<-entered
		r.drain()
		eventually(t, "the drain ends", func() bool { return strings.Contains(r.log.String(), "msg=drained") })
		r.stop()
		if err := r.ended(t); !errors.Is(err, ErrStopped) {
			t.Errorf("Run = %v, want ErrStopped", err)
		}
	})
}
