// SPDX-License-Identifier: Apache-2.0

package datewriter

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A reader that looks as often as it can while the file is exchanged finds whole
// lines without a gap, and never less than what was there when it began to read.
// (The file stays within one page of memory: see the package's documentation.)
func TestReadersSeeWholeFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode  Mode
		total int // dates
		least int // lines in the file after the first few
	}{
		"while lines are appended and dropped": {Append, 20_000, minMaxSize / 2 / len(noonLine)},
		"while the line is replaced":           {Replace, 5_000, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			o.Mode = c.mode
			w := start(t, o)
			w.puts(t, 0, 1)
			var written atomic.Int64 // the number of the last date that is in the file
			var reads atomic.Int64
			done := make(chan struct{})
			go func() {
				defer close(done)
				for last := int64(0); last < int64(c.total); reads.Add(1) {
					last = written.Load()
					if err := checkRead(o.File, int(last), min(int(last), c.least)); err != nil {
						t.Errorf("read %d: %v", reads.Load(), err)
						reads.Store(math.MaxInt64) // the writer need not wait
						break
					}
				}
			}()
			for i := 1; i <= c.total; i++ {
				w.puts(t, i, 1)
				written.Store(int64(i))
				for reads.Load() < int64(i/50) { // a machine with other things to do may have let the reader wait
					runtime.Gosched()
				}
			}
			<-done
		})
	}
}

// checkRead reads the file once. It has to hold the date of number last, or later
// ones, and at least so many lines.
func checkRead(file string, last, least int) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, whole := strings.CutSuffix(string(content), "\n")
	if !whole {
		return fmt.Errorf("the file ends with %q", text[max(0, len(text)-30):])
	}
	lines := strings.Split(text, "\n")
	first, err := time.Parse(time.RFC3339, lines[0])
	if err != nil {
		return err
	}
	from := int(first.Sub(noon) / time.Second)
	if to := from + len(lines); text+"\n" != dates(from, to) || to <= last || len(lines) < least {
		return fmt.Errorf("%d lines from date %d on, want at least %d up to date %d without a gap:\n%s", len(lines), from, least, last, text)
	}
	return nil
}
