// SPDX-License-Identifier: Apache-2.0

package safedir

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// An app swaps what has the name as fast as it can. Whatever is opened meanwhile, the
// file of another is never written to, and no open waits.
func TestWhatIsSwappedMeanwhile(t *testing.T) {
	t.Parallel()
	dir, path, victim := shared(t)
	at, side := filepath.Join(path, "file"), filepath.Join(path, "side")
	plants := []func() error{
		func() error { return os.Symlink(victim, side) },
		func() error { return os.Link(victim, side) },
		func() error { return syscall.Mkfifo(side, 0o666) },
		func() error { return os.WriteFile(side, []byte("mine"), 0o600) },
		func() error { return os.Mkdir(side, 0o700) },
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		chance := rand.New(rand.NewPCG(1, 2))
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = plants[chance.IntN(len(plants))]()
			if os.Rename(side, at) != nil {
				_ = os.RemoveAll(at)
			}
			_ = os.RemoveAll(side)
		}
	}()
	read, written, failed := 0, 0, 0
	for read < 200 || written < 200 || failed < 200 {
		if file, err := dir.Open("file"); err == nil {
			read++
			file.Close()
		} else {
			failed++
		}
		file, err := dir.Create("next", 0, 0o600)
		must(t, err)
		_, err = file.WriteString("ours")
		must(t, errors.Join(err, file.Close()))
		if dir.Rename("next", dir, "file") == nil {
			written++
		} else { // a directory is in the way
			must(t, dir.Remove("next"))
		}
	}
	close(stop)
	<-stopped
	if text, err := os.ReadFile(victim); string(text) != "precious" {
		t.Errorf("the file of another holds %q (%v)", text, err)
	}
	t.Logf("%d read, %d written, %d failed", read, written, failed)
}

// A process that opens a file on which somebody has a lease waits up to 45 seconds, unless it
// asks not to.
func TestALeaseIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	dir, path, _ := shared(t)
	must(t, os.WriteFile(filepath.Join(path, "file"), nil, 0o600))
	holder, err := os.OpenFile(filepath.Join(path, "file"), os.O_RDWR, 0)
	must(t, err)
	defer holder.Close()
	if _, err := unix.FcntlInt(holder.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Skip("this file system has no leases:", err)
	}
	if _, err := dir.Open("file"); !errors.Is(err, syscall.EWOULDBLOCK) {
		t.Errorf("got %v, want EWOULDBLOCK", err)
	}
}
