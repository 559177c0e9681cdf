// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"time"
)

// heartbeat is how often a step that takes long says that it goes on.
const heartbeat = 30 * time.Second

// step says that a step begins, that it goes on, and with done how long it took. Nothing
// is written any more when done has returned.
func step(progress io.Writer, title string) (done func(error)) {
	start := time.Now()
	fmt.Fprintf(progress, "cluster: %s …\n", title)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticks := time.NewTicker(heartbeat)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				fmt.Fprintf(progress, "cluster: %s … %s so far\n", title, since(start))
			case <-stop:
				return
			}
		}
	}()
	return func(err error) {
		close(stop)
		<-stopped
		result := "built in"
		if err != nil {
			result = "failed after"
		}
		fmt.Fprintf(progress, "cluster: %s: %s %s\n", title, result, since(start))
	}
}

func since(start time.Time) string { return duration(time.Since(start)) }

// duration is a time as people say it, to the second: 8 s, or 4 min 10 s.
func duration(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s < 60 {
		return fmt.Sprintf("%d s", s)
	}
	return fmt.Sprintf("%d min %d s", s/60, s%60)
}
