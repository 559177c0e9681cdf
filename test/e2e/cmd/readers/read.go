// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Seen is what a reader saw.
type Seen struct {
	Reads     int `json:"reads"`     // of whole files
	Flips     int `json:"flips"`     // of which it noticed the new commit
	Straddled int `json:"straddled"` // pairs of paths looked up one after the other that were of two commits
}

// reader is an app.
type reader struct {
	Seen
	root  string
	files int // of each commit

	newest int      // commit
	held   *os.Root // the directory of the commit before
}

// run reads until it has seen enough, or what it must not see.
func (r *reader) run(ctx context.Context, reads, flips int) error {
	defer func() { _ = r.hold(nil) }()
	for r.Reads < reads || r.Flips < flips {
		if ctx.Err() != nil {
			return fmt.Errorf("there was time for %d reads and %d flips only, want %d and %d", r.Reads, r.Flips, reads, flips)
		}
		if err := r.round(); err != nil {
			return err
		}
	}
	return nil
}

// round reads all that is there in both ways.
func (r *reader) round() error {
	if err := r.readDirectory(); err != nil {
		return fmt.Errorf("below one directory: %w", err)
	}
	if err := r.readPaths(); err != nil {
		return fmt.Errorf("by its path: %w", err)
	}
	return nil
}

// hold keeps a directory open, in place of the one before.
func (r *reader) hold(next *os.Root) error {
	before := r.held
	r.held = next
	if before == nil {
		return nil
	}
	return before.Close()
}

// readDirectory opens what is published now, once, and everything else below it, as
// openat(2) does. All that is read so has to be one commit. The directory of the
// commit before is still there for those who are slow.
func (r *reader) readDirectory() error {
	dir, err := os.OpenRoot(filepath.Join(r.root, "..data"))
	if err != nil {
		return err
	}
	commit, err := r.readAll(dir)
	if err == nil && commit != r.newest && r.held != nil {
		if old, e := r.readAll(r.held); e != nil || old >= commit {
			err = fmt.Errorf("commit %d, open while %d took its place, is now %d: %w", r.newest, commit, old, e)
		}
	}
	return errors.Join(err, r.notice(commit), r.hold(dir))
}

// readAll reads a commit and returns its number.
func (r *reader) readAll(dir *os.Root) (commit int, err error) {
	files := 0
	err = fs.WalkDir(dir.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		n, err := r.read(name, dir.ReadFile)
		if files++; files == 1 {
			commit = n
		}
		if err == nil && n != commit {
			err = fmt.Errorf("%s is of commit %d, and what was read before it of %d", name, n, commit)
		}
		if err == nil && path.Dir(name) == "pages" && name != fmt.Sprintf("pages/%d.html", commit) {
			err = fmt.Errorf("%s is listed in commit %d", name, commit)
		}
		return err
	})
	if err == nil && files != r.files {
		err = fmt.Errorf("commit %d has %d files, want %d", commit, files, r.files)
	}
	return commit, err
}

// readPaths opens each file by its whole path. It has to be there, and whole, and of
// no older commit than what was seen before; but two lookups are two moments, and
// between them there may be a flip. The kubelet promises no more for a ConfigMap.
func (r *reader) readPaths() error {
	for _, name := range []string{"index.html", "a/one.txt", "a/b/two.txt"} {
		before := r.newest
		n, err := r.read(filepath.Join(r.root, name), os.ReadFile)
		if err != nil {
			return err
		}
		if n != before {
			r.Straddled++
		}
		if err := r.notice(n); err != nil {
			return err
		}
	}
	return nil
}

// notice takes note of a commit that was read.
func (r *reader) notice(commit int) error {
	switch {
	case commit < r.newest:
		return fmt.Errorf("commit %d is back after %d", commit, r.newest)
	case commit > r.newest && r.newest > 0:
		r.Flips++
	}
	r.newest = commit
	return nil
}

// read reads a file and returns the number of its commit.
func (r *reader) read(name string, open func(string) ([]byte, error)) (int, error) {
	content, err := open(name)
	if err != nil {
		return 0, err
	}
	r.Reads++
	var commit, lines int
	head, body, _ := strings.Cut(string(content), "\n")
	if _, err := fmt.Sscanf(head, "%d %d", &commit, &lines); err != nil {
		return 0, fmt.Errorf("%s begins with %q", name, head)
	}
	if want := strings.Repeat(fmt.Sprintln(commit), lines); body != want {
		return 0, fmt.Errorf("%s of commit %d is not whole: it has %d bytes, want %d of that commit alone", name, commit, len(body), len(want))
	}
	return commit, nil
}
