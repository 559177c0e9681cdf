// SPDX-License-Identifier: Apache-2.0

package startorder

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tells fails unless the conditions about the container web are as wanted; "" means
// that it holds.
func tells(t *testing.T, at place, started, exited string) {
	t.Helper()
	sees(t, func() error { return at.has("started", "web") }, started)
	sees(t, func() error { return at.has("exited", "web") }, exited)
}

func TestAContainerTellsOfItsStartAndEnd(t *testing.T) {
	t.Parallel()
	at := place{t.TempDir(), "1 100\n"}
	tells(t, at, "has not started", "has not started")
	start := func() int {
		if _, err := claim(t.Context(), at, "web"); err != nil {
			t.Fatal(err)
		}
		return descriptorOf(t, filepath.Join(at.state, "web"))
	}
	fd := start()
	tells(t, at, "", "is running")
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags != 0 {
		t.Errorf("the descriptor's flags are %d (%v), want 0: inherited", flags, err)
	}
	info, err := os.Stat(filepath.Join(at.state, "web"))
	if err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("the file's mode is %v (%v), want 0666: the next start may be another user's", info.Mode(), err)
	}
	child, err := unix.Dup(fd) // as a fork does
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	tells(t, at, "", "is running")
	unix.Close(child)
	tells(t, at, "", "")

	fd = start() // the container is restarted
	tells(t, at, "", "is running")
	unix.Close(fd)
	tells(t, at, "", "")
}

// descriptorOf finds the one that is open for path.
func descriptorOf(t *testing.T, path string) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if target, _ := os.Readlink("/proc/self/fd/" + e.Name()); target != path {
			continue
		}
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd < 1000 {
			t.Errorf("the descriptor is %s, want one that no app uses", e.Name())
		}
		return fd
	}
	t.Fatal("no descriptor is left for the app")
	return 0
}

func TestAnEarlierStartOfThePodMeansNothing(t *testing.T) {
	t.Parallel()
	yesterday := place{t.TempDir(), "1 100\n"}
	withdraw, err := claim(t.Context(), yesterday, "web")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(yesterday.state, "web"))
	if err != nil {
		t.Fatal(err)
	}
	tells(t, place{yesterday.state, "1 200\n"}, "", "is running") // reinstalled beside it
	withdraw()
	tells(t, yesterday, "has not started", "has not started")
	for _, c := range []string{string(text), "", "1 100", "1 200\n1"} {
		if err := os.WriteFile(filepath.Join(yesterday.state, "web"), []byte(c), 0o600); err != nil {
			t.Fatal(err)
		}
		tells(t, place{yesterday.state, "1 200\n"}, "has not started", "has not started")
	}
}

func TestOneHoldsTheLockAtATime(t *testing.T) {
	t.Parallel()
	at := place{t.TempDir(), "1 100\n"}
	withdraw, err := claim(t.Context(), at, "web")
	if err != nil {
		t.Fatal(err)
	}
	defer withdraw()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = claim(ctx, at, "web")
	want := at.state + "/web cannot be locked: another process holds the lock: two containers with one name, or a process of an earlier start"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// Processes that check hold a lock as well, for a moment.
func TestLookingDisturbsNobody(t *testing.T) {
	t.Parallel()
	at := place{t.TempDir(), "1 100\n"}
	done := make(chan struct{})
	var looking sync.WaitGroup
	for range 4 {
		looking.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					_ = at.has("exited", "web")
				}
			}
		})
	}
	for range 100 {
		withdraw, err := claim(t.Context(), at, "web")
		if err != nil {
			t.Fatal(err)
		}
		sees(t, func() error { return at.has("exited", "web") }, "is running")
		withdraw()
	}
	close(done)
	looking.Wait()
}

func TestEachInstallationIsAStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "helper")
	start := func() string {
		s, err := startOf(path)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	write := func() {
		if err := os.WriteFile(path+".new", []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	write()
	first := start()
	if again := start(); again != first {
		t.Errorf("the same file is %q and %q", first, again)
	}
	write()
	if second := start(); second == first {
		t.Errorf("another file is %q as well", second)
	}
}

// Whatever another container puts in the place of the file while this one starts, again
// and again, is replaced or stops the start, and what it leads to is never written to.
func TestAClaimWritesToNoFileOfAnother(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	at, victim, side := place{filepath.Join(top, "run"), "1 100\n"}, filepath.Join(top, "victim"), filepath.Join(top, "run", "side")
	if err := errors.Join(os.Mkdir(at.state, 0o700), os.WriteFile(victim, []byte("precious"), 0o600)); err != nil {
		t.Fatal(err)
	}
	plants := []func() error{
		func() error { return os.Symlink(victim, side) },
		func() error { return os.Link(victim, side) },
		func() error { return unix.Mkfifo(side, 0o666) },
		func() error { return os.Mkdir(side, 0o700) },
		func() error { return os.WriteFile(side, nil, 0o600) },
	}
	done := make(chan struct{})
	var planting sync.WaitGroup
	planting.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			for _, name := range []string{"web", "..web"} {
				_ = plants[i%len(plants)]()
				if os.Rename(side, filepath.Join(at.state, name)) != nil {
					_ = os.Remove(filepath.Join(at.state, name))
				}
				_ = os.Remove(side)
			}
		}
	})
	claimed, refused := 0, 0
	for claimed < 50 || refused < 200 {
		withdraw, err := claim(t.Context(), at, "web")
		if err != nil {
			refused++
			continue
		}
		claimed++
		withdraw()
	}
	close(done)
	planting.Wait()
	if text, err := os.ReadFile(victim); string(text) != "precious" {
		t.Errorf("the file of another holds %q (%v)", text, err)
	}
	t.Logf("%d claimed, %d refused", claimed, refused)
}

// An app may have been killed while it told of its start.
func TestALeftOverOfAStartIsNoObstacle(t *testing.T) {
	t.Parallel()
	at := place{t.TempDir(), "1 100\n"}
	if err := os.WriteFile(filepath.Join(at.state, "..web"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	withdraw, err := claim(t.Context(), at, "web")
	if err != nil {
		t.Fatal(err)
	}
	tells(t, at, "", "is running")
	withdraw()
	if left, err := os.ReadDir(at.state); err != nil || len(left) != 0 {
		t.Errorf("left are %v (%v)", left, err)
	}
}
