// SPDX-License-Identifier: Apache-2.0

package reloader

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hold is the content of a directory.
func hold(t testing.TB, dir string) sum {
	t.Helper()
	got, _, err := content(dir)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Two directories hold the same if and only if their trees are equal.
func FuzzTheContentIsTheTree(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test that can be repeated
		names := []string{"a", "b", "..c", "d e", "d/a", "d/b", "d/f/a", "ab", "\"\n"}
		texts := []string{"", "1", "2", "1\n", "-> a", "-> b", strings.Repeat("x", 10000)}
		some := func() tree {
			made := tree{}
			for range random.IntN(4) {
				made[names[random.IntN(len(names))]] = texts[random.IntN(len(texts))]
			}
			return made
		}
		one, two := some(), some()
		if random.IntN(3) == 0 {
			two = maps.Clone(one)
		}
		dirs := [2]string{t.TempDir(), t.TempDir()}
		one.write(t, dirs[0])
		two.write(t, dirs[1])
		if got, want := hold(t, dirs[0]) == hold(t, dirs[1]), maps.Equal(one, two); got != want {
			t.Errorf("%q and %q hold the same: %v, want %v", one, two, got, want)
		}
	})
}

// What is swapped by a link holds what its readers see.
func TestASwappedDirectoryHoldsWhatItsReadersSee(t *testing.T) {
	t.Parallel()
	dirs := [3]string{t.TempDir(), t.TempDir(), t.TempDir()}
	swap(t, dirs[0], 0, tree{"a": "1", "b": "2"})
	swap(t, dirs[1], 0, tree{"a": "0", "b": "2"})
	swap(t, dirs[1], 1, tree{"a": "1", "b": "2"})
	swap(t, dirs[2], 0, tree{"a": "1", "b": "3"})
	if hold(t, dirs[0]) != hold(t, dirs[1]) {
		t.Error("two ways to the same content differ")
	}
	if hold(t, dirs[0]) == hold(t, dirs[2]) {
		t.Error("two contents are the same")
	}
}

// An app can write to a directory that is watched. Nothing in it may hang a scan, or lead
// it elsewhere.
func TestAScanTrustsNothingInADirectory(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	tree{"secret": "1"}.write(t, outside)
	dir := t.TempDir()
	tree{"loop": "-> loop", "up": "-> ..", "out": "-> " + outside, "etc": "-> /etc", "d/..data": "-> " + outside}.write(t, dir)
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o666))
	must(t, os.WriteFile(filepath.Join(dir, "locked"), []byte("x"), 0o000))
	_, _, err := content(dir)
	want := dir + " cannot be read: d: ..data: openat ..data: path escapes from parent"
	if diff := cmp.Diff(want, text(err)); diff != "" {
		t.Errorf("the error (-want +got):\n%s", diff)
	}
	must(t, os.RemoveAll(filepath.Join(dir, "d")))
	before := hold(t, dir)
	tree{"secret": "2"}.write(t, outside)
	if hold(t, dir) != before {
		t.Error("what a link leads to out of the directory counts")
	}
}

func TestAScanIsBounded(t *testing.T) {
	t.Parallel()
	deep := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(deep, strings.Repeat("d/", maxDepth)), 0o755))
	large := t.TempDir()
	must(t, os.WriteFile(filepath.Join(large, "sparse"), nil, 0o644))
	must(t, os.Truncate(filepath.Join(large, "sparse"), maxBytes+1))
	for dir, want := range map[string]string{
		deep:  fmt.Sprintf("directories are nested more than %d deep", maxDepth),
		large: fmt.Sprintf("sparse: there are more than %d MiB to read; watch a smaller directory", maxBytes>>20),
	} {
		_, _, err := content(dir)
		if !strings.HasPrefix(text(err), dir+" cannot be read: ") || !strings.HasSuffix(text(err), want) || len(text(err)) > 1000 {
			t.Errorf("got the error\n%v, want one that ends with\n%s", err, want)
		}
	}
	_, _, err := content(filepath.Join(large, "sparse"))
	if want := filepath.Join(large, "sparse") + " cannot be opened: "; !strings.HasPrefix(text(err), want) {
		t.Errorf("got the error %v, want %s", err, want)
	}
}
