// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// grace is how long a tree stays in this test after the next one is published.
const grace = time.Second

// A reader opens a directory and reads all of it. Whatever happens meanwhile, it must
// find all the files, with the text of one and the same tree, if it is done within the
// grace that is promised.
func TestNoReaderSeesTwoTreesAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := open(t, dir)
	tree := func(n int) files {
		f := files{}
		for i := range 5 {
			f[fmt.Sprintf("d/f%d", i)] = fmt.Sprint(n)
		}
		return f
	}
	mustPublish(t, v, "t0", tree(0))

	done := make(chan struct{})
	var readers sync.WaitGroup
	reads := make([]int, 2)
	for r := range reads {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				start := time.Now()
				err := readWhole(filepath.Join(dir, "d"))
				if errors.Is(err, fs.ErrNotExist) && time.Since(start) >= grace {
					continue // on a busy machine
				}
				if err != nil {
					t.Error(err)
					return
				}
				reads[r] += 5
			}
		})
	}
	for n := 1; n <= 300; n++ {
		mustPublish(t, v, fmt.Sprintf("t%d", n), tree(n))
		if err := v.Sweep(grace, 1<<20); err != nil {
			t.Error(err)
		}
	}
	close(done)
	readers.Wait()
	t.Logf("300 swaps, %d reads", reads[0]+reads[1])
}

func readWhole(dir string) error {
	d, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("the directory was not there: %w", err)
	}
	defer d.Close()
	var first []byte
	for i := range 5 {
		text, err := fs.ReadFile(d.FS(), fmt.Sprintf("f%d", i))
		if err != nil {
			return fmt.Errorf("a file was not there: %w", err)
		}
		if i == 0 {
			first = text
		}
		if string(text) != string(first) {
			return fmt.Errorf("f%d is of tree %s, f0 of tree %s", i, text, first)
		}
	}
	return nil
}
