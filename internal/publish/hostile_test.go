// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/safedir"
)

// place is a volume, and a directory outside it that nobody may touch.
func place(t *testing.T) (volume, outside string, intact func()) {
	t.Helper()
	top := t.TempDir()
	volume, outside = filepath.Join(top, "volume"), filepath.Join(top, "outside")
	precious := files{"tree/a": "precious", "b/c": "precious"}
	if err := os.Mkdir(volume, 0o777); err != nil {
		t.Fatal(err)
	}
	precious.write(t, outside)
	return volume, outside, func() {
		t.Helper()
		got := files{}
		_ = fs.WalkDir(os.DirFS(outside), ".", func(name string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				got[name] = err.Error()
			case e.Type().IsRegular():
				text, _ := os.ReadFile(filepath.Join(outside, name))
				got[name] = string(text)
			case !e.IsDir():
				got[name] = e.Type().String()
			}
			return nil
		})
		if diff := cmp.Diff(precious, got); diff != "" {
			t.Errorf("what is outside has changed (-want +got):\n%s", diff)
		}
		if info, err := os.Stat(outside); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("the mode of what is outside is %v (%v)", info.Mode(), err)
		}
	}
}

// jokes are what an app can put in the place of the names that publishing uses.
func jokes(outside string) map[string]func(at string) error {
	return map[string]func(at string) error{
		"a link out":              func(at string) error { return os.Symlink(outside, at) },
		"a relative link out":     func(at string) error { return os.Symlink("../outside", at) },
		"a link to the volume":    func(at string) error { return os.Symlink(".", at) },
		"a link to the app's own": func(at string) error { return os.Symlink("own", at) },
		"a link to nothing":       func(at string) error { return os.Symlink("nowhere", at) },
		"a named pipe":            func(at string) error { return syscall.Mkfifo(at, 0o666) },
		"a file":                  func(at string) error { return os.WriteFile(at, nil, 0o600) },
		"a socket":                func(at string) error { return syscall.Mknod(at, syscall.S_IFSOCK|0o666, 0) },
		"a full directory":        func(at string) error { return os.MkdirAll(filepath.Join(at, "tree", "x"), 0o777) },
		"a directory of links": func(at string) error {
			return errors.Join(os.Mkdir(at, 0o777), os.Symlink(outside, filepath.Join(at, "tree")), os.Symlink("../own", filepath.Join(at, "own")))
		},
	}
}

// Whatever has a reserved name: what the app and others have stays, and publishing goes on.
func TestWhatHasAReservedNameLeadsNowhere(t *testing.T) {
	t.Parallel()
	for name := range jokes("") {
		for _, at := range []string{staging, trashName, nextLink, dataLink} {
			if at == dataLink && (name == "a full directory" || name == "a directory of links") {
				continue // rename(2) does not replace it: an error, as ever
			}
			t.Run(at+" is "+name, func(t *testing.T) {
				t.Parallel()
				volume, outside, intact := place(t)
				files{"own/x": "mine"}.write(t, volume)
				v := open(t, volume)
				if err := jokes(outside)[name](filepath.Join(volume, at)); err != nil {
					t.Fatal(err)
				}
				mustPublish(t, v, "aaa", files{"index.html": "1"})
				mustPublish(t, v, "bbb", files{"index.html": "2"})
				if err := v.Sweep(0, 0); err != nil {
					t.Error(err)
				}
				if err := open(t, volume).Repair(); err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff(files{"index.html": "2", "own/x": "mine"}, seen(t, volume)); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				intact()
			})
		}
	}
}

// The staged directory is exchanged after it was made: what is written by the path that
// was returned, and what is discarded, is in the one that was made.
func TestAStagedDirectoryThatIsExchanged(t *testing.T) {
	t.Parallel()
	for name := range jokes("") {
		t.Run("for "+name, func(t *testing.T) {
			t.Parallel()
			volume, outside, intact := place(t)
			files{"own/x": "mine"}.write(t, volume)
			v := open(t, volume)
			stage, err := v.Stage()
			if err != nil {
				t.Fatal(err)
			}
			at := filepath.Join(volume, staging)
			if err := errors.Join(os.Rename(at, at+"-gone"), jokes(outside)[name](at)); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(stage, "tree"), 0o755); err != nil {
				t.Fatal(err)
			}
			files{"f": "1"}.write(t, filepath.Join(stage, "tree"))
			files{"rest": "x"}.write(t, stage)
			if err := v.Publish("tree", "aaa"); err != nil {
				t.Fatal(err)
			}
			if err := v.Discard(); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(files{"f": "1", "own/x": "mine"}, seen(t, volume)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if left, err := os.ReadDir(at + "-gone"); err != nil || len(left) != 0 {
				t.Errorf("%v is left of what was staged (%v)", left, err)
			}
			intact()
		})
	}
}

// The tree itself is exchanged before it is published.
func TestAStagedTreeThatIsExchanged(t *testing.T) {
	t.Parallel()
	for name := range jokes("") {
		t.Run("for "+name, func(t *testing.T) {
			t.Parallel()
			volume, outside, intact := place(t)
			v := open(t, volume)
			mustPublish(t, v, "aaa", files{"f": "1"})
			stage, err := v.Stage()
			if err != nil {
				t.Fatal(err)
			}
			if err := jokes(outside)[name](filepath.Join(stage, "tree")); err != nil {
				t.Fatal(err)
			}
			err = v.Publish("tree", "bbb")
			if isDir := name == "a full directory" || name == "a directory of links"; isDir != (err == nil) {
				t.Errorf("publishing it: %v", err)
			}
			if err := v.Discard(); err != nil {
				t.Error(err)
			}
			intact()
		})
	}
}

// An app that may write to the volume exchanges all that publishing uses, all the time.
// Nothing outside is ever written to or removed, no call waits, and what the app keeps
// beside the content stays.
func TestAnAppThatExchangesAllTheTime(t *testing.T) {
	t.Parallel()
	volume, outside, intact := place(t)
	files{"own/x": "mine"}.write(t, volume)
	v := open(t, volume)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		chance := rand.New(rand.NewPCG(7, 8))
		all := jokes(outside)
		var names []string
		for name := range all {
			names = append(names, name)
		}
		at := []string{staging, trashName, nextLink, dataLink, "f"}
		side := filepath.Join(volume, "side")
		dir, err := safedir.Open(volume) // so that it does not do itself what it wants to have done
		if err != nil {
			t.Error(err)
			return
		}
		defer dir.Close()
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = all[names[chance.IntN(len(names))]](side)
			if stage, err := dir.OpenDir(staging); err == nil {
				_ = stage.RemoveAll("tree")
				_ = dir.Rename("side", stage, "tree")
				stage.Close()
			}
			_ = os.RemoveAll(side)
			target := filepath.Join(volume, at[chance.IntN(len(at))])
			_ = all[names[chance.IntN(len(names))]](side)
			if os.Rename(side, target) != nil {
				_ = os.Rename(target, filepath.Join(volume, "away"))
				_ = os.Rename(side, target)
			}
			_ = os.RemoveAll(side)
			_ = os.RemoveAll(filepath.Join(volume, "away"))
		}
	}()
	published, failed := 0, 0
	for range 400 {
		err := v.Repair()
		if err == nil {
			err = v.Sweep(0, 0)
		}
		stage := ""
		if err == nil {
			stage, err = v.Stage()
		}
		if err == nil {
			err = os.Mkdir(filepath.Join(stage, "tree"), 0o755)
		}
		if err == nil {
			err = v.Publish("tree", "aaa")
		}
		if err != nil {
			failed++
			_ = v.Discard()
			continue
		}
		published++
	}
	close(stop)
	<-stopped
	for _, name := range []string{dataLink, "f"} { // a directory there is not replaced
		if err := os.RemoveAll(filepath.Join(volume, name)); err != nil {
			t.Fatal(err)
		}
	}
	mustPublish(t, v, "bbb", files{"f": "1"})
	if text, err := os.ReadFile(filepath.Join(volume, "own", "x")); string(text) != "mine" {
		t.Errorf("the app's own file holds %q (%v)", text, err)
	}
	intact()
	t.Logf("%d published, %d failed", published, failed)
}
