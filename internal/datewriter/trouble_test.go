// SPDX-License-Identifier: Apache-2.0

package datewriter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// said runs a trouble over n seconds and returns when it said what.
func said(n int, fails func(second int) error) []string {
	log := &journal{}
	t := trouble{log: log.logger(), file: "f"}
	var got []string
	for i := range n {
		before := len(log.lines())
		t.report(fails(i), noon.Add(time.Duration(i)*time.Second))
		for _, line := range log.lines()[before:] {
			level, _, _ := strings.Cut(line, " ")
			rest := line[strings.LastIndex(line, "missed="):]
			got = append(got, fmt.Sprintf("%d: %s %s", i, strings.TrimPrefix(level, "level="), rest))
		}
	}
	return got
}

func TestTroubleIsToldLessAndLessOften(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		seconds int
		fails   func(int) error
		want    []string
	}{
		"nothing is said about success": {1000, func(int) error { return nil }, nil},
		"three hours": {3 * 3600, func(int) error { return broken }, []string{
			"0: ERROR missed=1", "60: ERROR missed=61", "180: ERROR missed=181", "420: ERROR missed=421", "900: ERROR missed=901",
			"1860: ERROR missed=1861", "3780: ERROR missed=3781", "7380: ERROR missed=7381",
		}},
		"one date": {100, func(i int) error {
			if i == 7 {
				return broken
			}
			return nil
		}, []string{"7: ERROR missed=1", "8: INFO missed=1 after=1s"}},
		"trouble that comes and goes": {150, func(i int) error {
			if i%2 == 0 {
				return broken
			}
			return nil
		}, []string{
			"0: ERROR missed=1", "1: INFO missed=1 after=1s", "62: ERROR missed=1", "63: INFO missed=1 after=1s",
			"124: ERROR missed=1", "125: INFO missed=1 after=1s",
		}},
		"new trouble soon after long trouble is told within a minute": {10_000, func(i int) error {
			if i == 5000 {
				return nil
			}
			return broken
		}, []string{
			"0: ERROR missed=1", "60: ERROR missed=61", "180: ERROR missed=181", "420: ERROR missed=421", "900: ERROR missed=901",
			"1860: ERROR missed=1861", "3780: ERROR missed=3781", "5000: INFO missed=5000 after=1h23m20s",
			"5060: ERROR missed=60", "5120: ERROR missed=120", "5240: ERROR missed=240", "5480: ERROR missed=480", "5960: ERROR missed=960",
			"6920: ERROR missed=1920", "8840: ERROR missed=3840",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, said(c.seconds, c.fails)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	full := "the volume or the node's disk is full: make room, or set a smaller max-size (the file needs up to twice that while it is shortened)"
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"a full disk":                {&fs.PathError{Op: "write", Path: "f", Err: syscall.ENOSPC}, full},
		"a quota":                    {syscall.EDQUOT, full},
		"a limit":                    {syscall.EFBIG, full},
		"a directory":                {fmt.Errorf("f %w", errDirectory), `remove it, or set the option "file" to another name`},
		"a link of git-poller":       {fmt.Errorf("f %w", errPublished), `set the option "file" to another name, which the repository does not have at its top`},
		"a read-only volume":         {syscall.EROFS, "the volume is mounted read-only: make it writable for this helper"},
		"a directory of others":      {syscall.EACCES, fmt.Sprintf("let user %d write to the directory and to the file", os.Getuid())},
		"a disk that fails":          {syscall.EIO, "look for the cause on the node: its disk, or another process that writes to the volume"},
		"a file that is not allowed": {syscall.EPERM, fmt.Sprintf("let user %d write to the directory and to the file", os.Getuid())},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := advice(c.err); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
