// SPDX-License-Identifier: Apache-2.0

// Command demo shows what Pillion does, on this machine and without root: `make demo`. It
// starts an API server with Pillion's webhook and a git server, applies annotated objects with
// kubectl, and runs the container that was added to a pod as a process. Everything listens on
// 127.0.0.1, and all of it is stopped and removed in the end, also after an error or Ctrl-C, or when nobody reads
// the output any more.
//
// Each step checks what it shows. If one is not as it should be, the exit code is 1.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/pillion-dev/pillion/test/controlplane"
)

func main() {
	var d demo
	flag.BoolVar(&d.full, "full", false, "show all of what was added, as YAML, and all of what commands print")
	flag.BoolVar(&d.fixedPorts, "fixed-ports", false, "fail if the usual ports are taken, so that each run prints the same")
	record := flag.String("record", "", "write a recording of this run to the SVG `file`")
	flag.Parse()
	d.out = newPrinter(os.Stdout)
	ctx, stop := signal.NotifyContext(context.Background(), controlplane.EndSignals...)
	defer stop()
	if err := d.demonstrate(ctx, *record); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1) //nolint:gocritic // exitAfterDefer: the signal handler needs no undoing in a process that ends.
	}
}

// demonstrate goes through the steps. It has stopped and removed everything when it returns.
func (d *demo) demonstrate(ctx context.Context, record string) (err error) {
	start := time.Now()
	defer func() {
		cleanErr := d.clean()
		if err == nil {
			err = cleanErr
		}
	}()
	steps := d.steps()
	for i, s := range steps {
		if ctx.Err() != nil {
			break
		}
		d.out.step(i+1, len(steps), s.title)
		if err := s.do(ctx); err != nil {
			if ctx.Err() != nil {
				break
			}
			return fmt.Errorf("step %d, %q, went wrong: %w", i+1, s.title, err)
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("stopped: %w", context.Cause(ctx))
	}
	if record != "" { // without the time that this run took, so that each is the same
		if err := writeRecording(record, d.out.lines); err != nil {
			return err
		}
	}
	d.out.line("", "")
	d.out.line(bold, fmt.Sprintf("That took %.0f seconds. Stopping and removing all of it.", time.Since(start).Seconds()))
	return nil
}
