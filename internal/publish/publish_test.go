// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// files maps a path to a string; "-> target" is a link, a path that ends in a slash a
// directory.
type files map[string]string

func (f files) write(t *testing.T, dir string) {
	t.Helper()
	for name, text := range f {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(text, "-> "); link {
			err = os.Symlink(target, path)
		} else if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o755)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// seen is what a reader of dir sees, links followed, without names that begin with
// two dots.
func seen(t *testing.T, dir string) files {
	t.Helper()
	got := files{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		switch {
		case strings.HasPrefix(e.Name(), ".."):
		case err != nil:
			got[e.Name()] = "dangling"
		case info.IsDir():
			for name, text := range seen(t, path) {
				got[e.Name()+"/"+name] = text
			}
		default:
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got[e.Name()] = string(text)
		}
	}
	return got
}

func open(t *testing.T, dir string) *Volume {
	t.Helper()
	v, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	if err := v.Repair(); err != nil {
		t.Fatal(err)
	}
	return v
}

func publish(t *testing.T, v *Volume, id string, tree files) error {
	t.Helper()
	stage, err := v.Stage()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(stage, "tree"), 0o700); err != nil {
		t.Fatal(err)
	}
	tree.write(t, filepath.Join(stage, "tree"))
	return v.Publish("tree", id)
}

func mustPublish(t *testing.T, v *Volume, id string, tree files) {
	t.Helper()
	if err := publish(t, v, id, tree); err != nil {
		t.Fatal(err)
	}
}

// hidden lists the names in dir that are reserved for publishing, but for the
// staged directory, which stays.
func hidden(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, "..") && name != staging {
			id, _, _ := strings.Cut(strings.TrimPrefix(name, ".."), ".")
			names = append(names, ".."+id)
		}
	}
	return names
}

func TestReadersSeeTheTreeAtThePathItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := open(t, dir)
	first := files{"index.html": "1", "css/site.css": "red", "gone.html": "bye", "was-file": "x"}
	mustPublish(t, v, "aaa", first)
	if diff := cmp.Diff(first, seen(t, dir)); diff != "" {
		t.Errorf("after the first tree (-want +got):\n%s", diff)
	}
	second := files{"index.html": "2", "css/site.css": "blue", "new.html": "hi", "was-file/now-directory": "y"}
	mustPublish(t, v, "bbb", second)
	if diff := cmp.Diff(second, seen(t, dir)); diff != "" {
		t.Errorf("after the second tree (-want +got):\n%s", diff)
	}
	if got := v.Current(); got != "bbb" {
		t.Errorf("current is %q, want bbb", got)
	}
}

func TestEverybodyCanReadWhatWasStagedInPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := open(t, dir)
	stage, err := v.Stage()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(stage)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the staged directory has mode %v (%v), want 0700", info.Mode().Perm(), err)
	}
	mustPublish(t, v, "aaa", files{"a": "1"})
	info, err = os.Stat(filepath.Join(dir, "..data") + "/")
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the published directory has mode %v (%v), want 0755", info.Mode().Perm(), err)
	}
}

func TestTheSameIdCanBePublishedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := open(t, dir)
	for _, tree := range []struct{ id, text string }{{"aaa", "1"}, {"bbb", "2"}, {"aaa", "3"}, {"aaa", "4"}} {
		mustPublish(t, v, tree.id, files{"f": tree.text})
		if diff := cmp.Diff(files{"f": tree.text}, seen(t, dir)); diff != "" {
			t.Errorf("after %v (-want +got):\n%s", tree, diff)
		}
	}
}

func TestWhatOthersWroteIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ others, tree files }{
		"a file":               {files{"index.html": "date"}, files{"index.html": "site"}},
		"a directory":          {files{"index.html/x": "date"}, files{"index.html": "site"}},
		"a link of theirs":     {files{"index.html": "-> /etc/passwd"}, files{"index.html": "site"}},
		"a link to other data": {files{"index.html": "-> ..data/other"}, files{"index.html": "site"}},
		"a dangling link":      {files{"index.html": "-> nowhere"}, files{"index.html": "site"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			v := open(t, dir)
			mustPublish(t, v, "aaa", files{"ours": "1"})
			tc.others.write(t, dir)
			before := seen(t, dir)
			err := publish(t, v, "bbb", tc.tree)
			var occupied OccupiedError
			if !errors.As(err, &occupied) || occupied.Path != filepath.Join(dir, "index.html") {
				t.Errorf("got error %v, want an OccupiedError about index.html", err)
			}
			if diff := cmp.Diff(before, seen(t, dir)); diff != "" {
				t.Errorf("readers see something else now (-before +after):\n%s", diff)
			}
			if got := v.Current(); got != "aaa" {
				t.Errorf("current is %q, want aaa", got)
			}
			// What is not in the way stays through a publication, and a restart.
			mustPublish(t, open(t, dir), "ccc", files{"another": "1"})
			for name, text := range tc.others {
				if target, link := strings.CutPrefix(text, "-> "); link {
					if got, err := os.Readlink(filepath.Join(dir, name)); got != target {
						t.Errorf("the link of others is %q (%v), want %q", got, err, target)
					}
				} else if got, err := os.ReadFile(filepath.Join(dir, name)); string(got) != text {
					t.Errorf("the file of others is %q (%v), want %q", got, err, text)
				}
			}
		})
	}
}

func TestReservedNamesAreNotPublished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := open(t, dir)
	for _, name := range []string{"..data", "..evil", "...", "..3f.00000000-00000000"} {
		err := publish(t, v, "aaa", files{name: "x"})
		if err == nil || !strings.Contains(err.Error(), "reserved") {
			t.Errorf("%s: got error %v, want one that says reserved", name, err)
		}
	}
	mustPublish(t, v, "aaa", files{"deep/..fine": "x", ".one-dot": "y"})
}

func TestARestartGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustPublish(t, open(t, dir), "aaa", files{"a": "1", "b": "2"})
	for name, interrupt := range map[string]func(){
		"between the swap and the new link": func() { _ = os.Remove(filepath.Join(dir, "b")) },
		"before an old link is removed":     func() { _ = os.Symlink("..data/old", filepath.Join(dir, "old")) },
		"while staging":                     func() { files{"..staging/git/pack": "x"}.write(t, dir) },
		"while removing an old tree":        func() { files{"..trash/f": "x"}.write(t, dir) },
		"before the swap":                   func() { _ = os.Symlink("..zzz.00000000-00000000", filepath.Join(dir, "..data_next")) },
	} {
		interrupt()
		v := open(t, dir)
		if got := v.Current(); got != "aaa" {
			t.Errorf("%s: current is %q, want aaa", name, got)
		}
		if diff := cmp.Diff(files{"a": "1", "b": "2"}, seen(t, dir)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff([]string{"..aaa", "..data"}, hidden(t, dir)); diff != "" {
			t.Errorf("%s: hidden names (-want +got):\n%s", name, diff)
		}
	}
}

func TestAfterANodeRestartTheTreeIsServedButNotTrusted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := open(t, dir)
	v.boot = "00000000"
	mustPublish(t, v, "aaa", files{"a": "1"})
	again := open(t, dir)
	if got := again.Current(); got != "" {
		t.Errorf("current is %q, want none: a crash may have lost part of it", got)
	}
	if got := again.Served(); got != "aaa" {
		t.Errorf("readers are said to see %q, want aaa", got)
	}
	if diff := cmp.Diff(files{"a": "1"}, seen(t, dir)); diff != "" {
		t.Errorf("readers see something else (-want +got):\n%s", diff)
	}
	mustPublish(t, again, "aaa", files{"a": "1"})
	if got := again.Current(); got != "aaa" {
		t.Errorf("current is %q, want aaa", got)
	}
}

func TestAForeignDataLinkIsNotBelieved(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]string{
		"out of the volume":      "/etc",
		"up":                     "../..",
		"no tree of ours":        "somewhere",
		"a tree that is missing": "..aaa.00000000-00000000",
	} {
		dir := t.TempDir()
		files{"..data": "-> " + target, "somewhere/f": "x"}.write(t, dir)
		v := open(t, dir)
		if got := v.Current(); got != "" {
			t.Errorf("%s: current is %q, want none", name, got)
		}
		mustPublish(t, v, "bbb", files{"f": "1"})
		if text, err := os.ReadFile(filepath.Join(dir, "f")); string(text) != "1" {
			t.Errorf("%s: read %q, %v", name, text, err)
		}
	}
}

func TestOldTreesStayForTheGraceUnlessTheyAreTooLarge(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 3*blockSize)
	for _, tc := range []struct {
		name   string
		grace  time.Duration
		budget int64
		want   []string
	}{
		{"within grace and budget all stay", time.Hour, 1 << 20, []string{"..aaa", "..bbb", "..ccc", "..data"}},
		{"after the grace they go", 0, 1 << 20, []string{"..ccc", "..data"}},
		{"over the budget the oldest go", time.Hour, 5 * blockSize, []string{"..bbb", "..ccc", "..data"}},
		{"without a budget all go", time.Hour, 0, []string{"..ccc", "..data"}},
	} {
		for _, restarted := range []bool{false, true} {
			dir := t.TempDir()
			v := open(t, dir)
			for _, id := range []string{"aaa", "bbb", "ccc"} {
				mustPublish(t, v, id, files{"f": big})
			}
			if restarted {
				v = open(t, dir)
			}
			if err := v.Sweep(tc.grace, tc.budget); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, hidden(t, dir)); diff != "" {
				t.Errorf("%s (restarted: %v) (-want +got):\n%s", tc.name, restarted, diff)
			}
		}
	}
}

func TestADirectoryThatWasOpenedBeforeTheSwapStaysWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := open(t, dir)
	mustPublish(t, v, "aaa", files{"d/a": "1", "d/b": "1"})
	d, err := os.OpenRoot(filepath.Join(dir, "d"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	mustPublish(t, v, "bbb", files{"d/a": "2", "d/b": "2"})
	if err := v.Sweep(time.Hour, 1<<20); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if text, err := fs.ReadFile(d.FS(), name); string(text) != "1" {
			t.Errorf("%s: read %q, %v; want the text of the first tree", name, text, err)
		}
	}
}

func TestAFileIsKeptBesideTheCurrentTree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := open(t, dir)
	if tree, file := v.Kept(); tree != "" || file != "" {
		t.Errorf("before the first tree: got %q and %q, want none", tree, file)
	}
	for _, text := range []string{"1", "2"} {
		stage, err := v.Stage()
		if err != nil {
			t.Fatal(err)
		}
		files{"tree/a": text, "kept": "of " + text}.write(t, stage)
		if err := v.Publish("tree", "t"+text); err != nil {
			t.Fatal(err)
		}
		if err := v.Keep("kept"); err != nil {
			t.Fatal(err)
		}
		for _, v := range []*Volume{v, open(t, dir)} { // a restart as well
			tree, file := v.Kept()
			content, err := os.ReadFile(file)
			if err != nil || string(content) != "of "+text {
				t.Errorf("got %q (%v), want what was kept of %s", content, err, text)
			}
			if diff := cmp.Diff(files{"a": text}, seen(t, tree)); diff != "" {
				t.Errorf("tree (-want +got):\n%s", diff)
			}
		}
		if diff := cmp.Diff(files{"a": text}, seen(t, dir)); diff != "" {
			t.Errorf("readers see (-want +got):\n%s", diff)
		}
	}
	if err := v.Keep("nothing"); err == nil {
		t.Errorf("what is not there was kept")
	}
	v.boot = "00000000"
	if tree, _ := v.Kept(); tree != "" {
		t.Errorf("after a restart of the node: got %q, want none", tree)
	}
}
