// SPDX-License-Identifier: Apache-2.0

package startorder

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// stopSignal is the cause of a context that a signal has ended.
type stopSignal syscall.Signal

func (s stopSignal) Error() string { return "stopped by " + syscall.Signal(s).String() }

// untilStopped returns a context that ends with the first stop signal. After release,
// which may be called twice, the context knows of every signal that came before, and
// a later one ends the process as if it had no handlers.
func untilStopped() (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	stops := make(chan os.Signal, 1)
	notified := notify(stops, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
	notify(make(chan os.Signal), syscall.SIGHUP) // nobody receives: dropped
	var told sync.WaitGroup
	told.Go(func() {
		if s, ok := <-stops; ok {
			cancel(stopSignal(s.(syscall.Signal))) //nolint:errcheck // on Unix all are
		}
	})
	return ctx, sync.OnceFunc(func() {
		atDefault(notified...)
		signal.Stop(stops)
		close(stops)
		told.Wait()
	})
}

// notify leaves those signals alone that are to be ignored: so are they in the app. It
// returns the others.
func notify(c chan os.Signal, signals ...syscall.Signal) (notified []syscall.Signal) {
	for _, s := range signals {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
			notified = append(notified, s)
		}
	}
	return notified
}
