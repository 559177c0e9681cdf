// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/publish"
)

// write makes the files of a commit below dir.
func write(t *testing.T, dir string, commit int) {
	t.Helper()
	for i, name := range []string{"index.html", "a/one.txt", "a/b/two.txt", "c/three.txt", fmt.Sprintf("pages/%d.html", commit)} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%d %d\n", commit, i) + strings.Repeat(fmt.Sprintln(commit), i)
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// published is a volume with commit 1 in it.
func published(t *testing.T) (*publish.Volume, string) {
	t.Helper()
	root := t.TempDir()
	volume, err := publish.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { volume.Close() })
	flip(t, volume, 1)
	return volume, root
}

func flip(t *testing.T, volume *publish.Volume, commit int) {
	t.Helper()
	stage, err := volume.Stage()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(stage, "tree"), commit)
	if err := volume.Publish("tree", fmt.Sprint(commit)); err != nil {
		t.Fatal(err)
	}
}

func TestAReaderIsContentWithWhatIsPublishedAsAWhole(t *testing.T) {
	t.Parallel()
	volume, root := published(t)
	r := reader{root: root, files: 5}
	for commit := 2; commit < 5; commit++ {
		for range 2 {
			if err := r.round(); err != nil {
				t.Fatal(err)
			}
		}
		flip(t, volume, commit)
	}
	if err := r.round(); err != nil {
		t.Fatal(err)
	}
	_ = r.hold(nil)
	if r.Flips != 3 || r.Reads != 7*8+3*5 {
		t.Errorf("it saw %+v", r.Seen)
	}
}

func TestAReaderNoticesWhatNoAppMaySee(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, tree string)
		want  string
	}{
		"a mixed commit":      {func(t *testing.T, tree string) { t.Helper(); overwrite(t, tree, "c/three.txt", "2 0\n") }, "c/three.txt is of commit 2, and what was read before it of 1"},
		"half a file":         {func(t *testing.T, tree string) { t.Helper(); overwrite(t, tree, "c/three.txt", "1 3\n1\n1") }, "c/three.txt of commit 1 is not whole"},
		"an empty file":       {func(t *testing.T, tree string) { t.Helper(); overwrite(t, tree, "index.html", "") }, `index.html begins with ""`},
		"a file of another":   {func(t *testing.T, tree string) { t.Helper(); overwrite(t, tree, "pages/2.html", "1 0\n") }, "pages/2.html is listed in commit 1"},
		"a missing file":      {func(t *testing.T, tree string) { t.Helper(); os.Remove(filepath.Join(tree, "c/three.txt")) }, "commit 1 has 4 files, want 5"},
		"a missing directory": {func(t *testing.T, tree string) { t.Helper(); os.Remove(tree) }, "below one directory: open"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, root := published(t)
			tc.spoil(t, filepath.Join(root, "..data"))
			r := reader{root: root, files: 5}
			if err := r.run(t.Context(), 100, 0); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want %s", err, tc.want)
			}
		})
	}
}

func overwrite(t *testing.T, tree, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(tree, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
