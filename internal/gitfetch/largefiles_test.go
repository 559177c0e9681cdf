// SPDX-License-Identifier: Apache-2.0

//go:build !race

package gitfetch

// The race detector makes minutes of these, and has nothing to find in them. `make test-unit`
// runs them without it.

import (
	"bufio"
	"bytes"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// A file costs no memory that grows with its size, not even if it is stored as a delta.
func TestLargeFilesAreNotHeldInMemory(t *testing.T) { //nolint:paralleltest // it measures what all of the process allocates
	const size, allowed = 32 << 20, 8 << 20
	random := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(random)
	ops := []string{"\x01x"}
	for offset := range uint32(size >> 20) {
		ops = append(ops, copyOp(offset<<20, 1<<20-1))
	}
	changed := delta(size, size+1-size>>20, ops...)
	var result bytes.Buffer
	if err := applyDelta(&result, bytes.NewReader(random), size, bufio.NewReader(bytes.NewReader(changed)), int64(size+1-size>>20)); err != nil {
		t.Fatal(err)
	}
	var b packBuilder
	base := b.blob(string(random))
	b.refDelta(base, changed)
	commit := b.commit(b.tree(item{"100644", "a", base}, item{"100644", "b", plumbing.ComputeHash(plumbing.BlobObject, result.Bytes())}))
	data := b.bytes()

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, _, err := checkoutOf(t, data, commit, budget{64 << 20, 10})
	runtime.ReadMemStats(&after)
	if err != nil || got.Files != 2 {
		t.Errorf("got %+v (%v), want two files", got, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > allowed {
		t.Errorf("it allocated %d bytes, want at most %d", used, allowed)
	}
}

// Nor is one that an update takes from what is published, or builds a delta upon.
func TestAnUpdateOfLargeFilesIsNotHeldInMemory(t *testing.T) { //nolint:paralleltest // it measures what all of the process allocates
	const size, allowed = 32 << 20, 24 << 20 // the server and the race detector have their part
	random := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(random)
	r := newRepo(t, "")
	first := r.commit("refs/heads/main", files{"same": string(random), "changed": "x" + string(random[1:])})
	f := &follower{t, Request{Repo: serveRepo(t, r), MaxBytes: 256 << 20}}
	f.poll()
	second := r.commit("refs/heads/main", files{"same": string(random), "changed": "y" + string(random[1:])}, first)

	request := ask(t, f.request)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := fetch(t.Context(), request, testTimeouts)
	runtime.ReadMemStats(&after)
	if err != nil || got.Commit != second || got.Misfit != "" || got.Received > 1<<20 {
		t.Errorf("got %+v (%v), want commit %s for little", got, err, second)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > allowed {
		t.Errorf("it allocated %d bytes, want at most %d", used, allowed)
	}
}
