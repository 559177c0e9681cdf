// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/google/go-cmp/cmp"
)

// similar are versions of a string, so that git stores all but one as deltas.
func similar(n, size int) files {
	random := rand.New(rand.NewChaCha8([32]byte{7}))
	text := make([]byte, size)
	for i := range text {
		text[i] = byte('a' + random.IntN(26))
	}
	tree := files{}
	for i := range n {
		copy(text[random.IntN(size-10):], fmt.Sprintf("%09d", i))
		tree[fmt.Sprintf("%03d", i)] = string(text)
	}
	return tree
}

func TestDeltasAreUnpacked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tree files
		args []string
	}{
		"by offset, in chains":        {similar(60, 5000), []string{"--delta-base-offset", "--depth=50"}},
		"by hash, in chains":          {similar(60, 5000), []string{"--depth=50"}},
		"more than the cache holds":   {similar(12, 1<<20), []string{"--delta-base-offset"}},
		"too large to keep in memory": {similar(4, inMemory+1), []string{"--delta-base-offset"}},
		"too large, by hash":          {similar(4, inMemory+1), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepo(t, "")
			hash := r.commit("refs/heads/main", c.tree)
			data := r.rawGit("HEAD\n", append([]string{"pack-objects", "--revs", "--stdout", "--window=100", "-q"}, c.args...)...)
			_, tree, err := checkoutOf(t, []byte(data), plumbing.NewHash(hash), budget{64 << 20, 1000})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.tree, readTree(t, tree)); diff != "" {
				t.Errorf("tree (-want +got):\n%.2000s", diff)
			}
		})
	}
}

// delta makes a delta: its sizes, and then operations.
func delta(from, to int64, ops ...string) []byte {
	var out []byte
	for _, size := range []int64{from, to} {
		for ; size >= 0x80; size >>= 7 {
			out = append(out, byte(size)|0x80)
		}
		out = append(out, byte(size))
	}
	return append(out, strings.Join(ops, "")...)
}

// copyOp copies n bytes from an offset of the base.
func copyOp(offset, n uint32) string {
	return string([]byte{0xff, byte(offset), byte(offset >> 8), byte(offset >> 16), byte(offset >> 24), byte(n), byte(n >> 8), byte(n >> 16)})
}

func TestAPackThatIsABombIsNotUnpacked(t *testing.T) {
	t.Parallel()
	zeros := strings.Repeat("\x00", 1<<20)
	for name, c := range map[string]struct {
		fill func(*packBuilder)
		want Error
	}{
		"an object that says it is huge": {func(b *packBuilder) {
			b.raw(objectHeader(3, 1<<50), compress([]byte("x")))
		}, Error{Reason: TooLarge, Message: "the repository holds an object of 1125899906842624 bytes, which is over the budget of 1048576"}},
		"an object whose size is no number": {func(b *packBuilder) {
			b.raw("\xbf\xff\xff\xff\xff\xff\xff\xff\xff\x7f", compress([]byte("x")))
		}, Error{Reason: BadServer, Message: "the server's pack is damaged or ends early (malformed PACK file: variable-length integer overflow)"}},
		"an object that is longer than it says": {func(b *packBuilder) {
			b.raw(objectHeader(3, 10), compress([]byte(zeros)))
		}, Error{Reason: BadServer, Message: "the server's pack is damaged or ends early (packfile: inflated object exceeds declared size)"}},
		"an object that is shorter than it says": {func(b *packBuilder) {
			b.raw(objectHeader(3, 10), compress([]byte("x")))
		}, Error{Reason: BadServer, Message: "the server's pack is damaged or ends early (packfile: inflated object exceeds declared size)"}},
		"a delta that makes something huge": {func(b *packBuilder) {
			b.refDelta(b.blob("x"), delta(1, 1<<50, copyOp(0, 1)))
		}, Error{Reason: TooLarge, Message: "the repository holds an object of 1125899906842624 bytes, which is over the budget of 1048576"}},
		"a delta that says it is huge": {func(b *packBuilder) {
			hash := b.blob("x")
			b.raw(objectHeader(7, 1<<50), hash[:], compress([]byte("x")))
		}, Error{Reason: TooLarge, Message: "the repository holds an object of 1125899906842624 bytes, which is over the budget of 1048576"}},
		"many objects that are large together": {func(b *packBuilder) {
			for range 34 { // 1 MB of nothing, compressed to 1 KB, each
				b.blob(zeros)
			}
		}, Error{Reason: TooLarge, Message: "the repository's pack unpacks to more than 32 times the budget of 1048576 bytes"}},
		"many deltas that are large together": {func(b *packBuilder) {
			base := b.raw(objectHeader(3, 1<<20), compress([]byte(zeros)))
			for range 34 {
				base = b.ofsDelta(base, delta(1<<20, 1<<20, copyOp(0, 1<<19), copyOp(0, 1<<19)))
			}
		}, Error{Reason: TooLarge, Message: "the repository's pack unpacks to more than 32 times the budget of 1048576 bytes"}},
		"a chain of deltas without end": {func(b *packBuilder) {
			base := b.raw(objectHeader(3, 1), compress([]byte("x")))
			for range 5000 {
				base = b.ofsDelta(base, delta(1, 1, copyOp(0, 1)))
			}
		}, Error{Reason: BadServer, Message: "the server's pack has more than 4095 deltas upon each other"}},
		"too many objects": {func(b *packBuilder) { b.count = maxObjects + 1 }, Error{
			Reason: TooLarge, Message: "the repository has 524289 objects, and 524288 can be handled; ask for less history with depth",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b packBuilder
			c.fill(&b)
			_, _, err := checkoutOf(t, b.bytes(), plumbing.ZeroHash, enough)
			if diff := cmp.Diff(&c.want, err); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestADamagedPackIsRefused(t *testing.T) {
	t.Parallel()
	for name, fill := range map[string]func(*packBuilder){
		"a delta without its base": func(b *packBuilder) { b.refDelta(plumbing.NewHash("11"), delta(1, 1, copyOp(0, 1))) },
		"deltas upon each other in a circle": func(b *packBuilder) { // by hashes that they would have if they could
			x := plumbing.ComputeHash(plumbing.BlobObject, []byte("x"))
			b.refDelta(x, delta(1, 1, copyOp(0, 1)))
			b.refDelta(x, delta(1, 1, "\x01x"))
		},
		"a delta of another base":       func(b *packBuilder) { b.refDelta(b.blob("xx"), delta(1, 1, copyOp(0, 1))) },
		"a copy from behind the base":   func(b *packBuilder) { b.refDelta(b.blob("x"), delta(1, 1, copyOp(1, 1))) },
		"a copy of too much":            func(b *packBuilder) { b.refDelta(b.blob("xx"), delta(2, 1, copyOp(0, 2))) },
		"an insertion of too much":      func(b *packBuilder) { b.refDelta(b.blob("x"), delta(1, 1, "\x02xx")) },
		"an insertion cut off":          func(b *packBuilder) { b.refDelta(b.blob("x"), delta(1, 2, "\x02x")) },
		"a copy cut off":                func(b *packBuilder) { b.refDelta(b.blob("x"), delta(1, 1, "\xff\x00")) },
		"an operation that is reserved": func(b *packBuilder) { b.refDelta(b.blob("x"), delta(1, 1, "\x00")) },
		"too few operations":            func(b *packBuilder) { b.refDelta(b.blob("x"), delta(1, 2, copyOp(0, 1))) },
		"too many operations":           func(b *packBuilder) { b.refDelta(b.blob("x"), delta(1, 1, copyOp(0, 1), copyOp(0, 1))) },
		"a delta without sizes":         func(b *packBuilder) { b.refDelta(b.blob("x"), []byte{0x80}) },
		"an offset to no object": func(b *packBuilder) {
			b.ofsDelta(b.raw(objectHeader(3, 1), compress([]byte("x")))+1, delta(1, 1, copyOp(0, 1)))
		},
		"an unknown kind of object":  func(b *packBuilder) { b.raw(objectHeader(5, 1), compress([]byte("x"))) },
		"bytes that are not zlib":    func(b *packBuilder) { b.raw(objectHeader(3, 1), "xxxxxxxx") },
		"a count that is too large":  func(b *packBuilder) { b.blob("x"); b.count++ },
		"a count that is too small":  func(b *packBuilder) { b.blob("x"); b.blob("y"); b.count-- },
		"no commit, if one is asked": func(b *packBuilder) { b.blob("x") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b packBuilder
			fill(&b)
			_, _, err := checkoutOf(t, b.bytes(), plumbing.NewHash("11"), enough)
			if err == nil || err.Reason != BadServer {
				t.Errorf("got %v, want BadServer", err)
			}
		})
	}
}

func TestATagThatTheServerDoesNotPeelIsPeeled(t *testing.T) {
	t.Parallel()
	var b packBuilder
	commit := b.commit(b.tree())
	tag := commit
	for range 3 {
		tag = b.add(plumbing.TagObject, "object "+tag.String()+"\ntype commit\ntag v1\n\nobject x\n")
	}
	result, _, err := checkoutOf(t, b.bytes(), tag, enough)
	if err != nil || result.Commit != commit.String() {
		t.Errorf("got %+v (%v), want commit %s", result, err, commit)
	}
}

// go-git's own implementation is the oracle.
func FuzzDelta(f *testing.F) {
	f.Add([]byte("hello, world"), delta(12, 14, copyOp(0, 5), "\x02!!", copyOp(5, 7)))
	f.Add([]byte("x"), delta(1, 1, "\x90\x01"))
	f.Add(make([]byte, 0x10000), delta(0x10000, 0x10000, "\x80"))
	f.Fuzz(func(t *testing.T, base, delta []byte) {
		want, wantErr := packfile.PatchDelta(base, delta)
		_, size, err := readDeltaSizes(bytes.NewReader(delta))
		if err != nil || size > 1<<24 {
			return
		}
		var got bytes.Buffer
		err = applyDelta(&got, bytes.NewReader(base), int64(len(base)), bufio.NewReader(bytes.NewReader(delta)), size)
		if len(base) == 0 && wantErr != nil {
			return // go-git has no deltas upon nothing, git has
		}
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(want, got.Bytes()) {
			t.Errorf("got %q (%v), want %q (%v)", got.Bytes(), err, want, wantErr)
		}
	})
}

// Whatever a server sends, it is taken or refused.
func FuzzPack(f *testing.F) {
	var b packBuilder
	blob := b.blob("x")
	b.refDelta(blob, delta(1, 1, copyOp(0, 1)))
	b.commit(b.tree(item{"100644", "a", blob}))
	seed := b.bytes()
	f.Add(seed[:len(seed)-sha1.Size])
	f.Fuzz(func(t *testing.T, data []byte) {
		sum := sha1.Sum(data) //nolint:gosec // as the format says
		data = append(data, sum[:]...)
		root, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		p, err := readPack(context.Background(), root, bytes.NewReader(data), 1<<16)
		if err != nil {
			return
		}
		defer p.close()
		for hash, i := range p.byHash {
			content, err := p.read(i, 1<<16)
			if got := plumbing.ComputeHash(p.objects[i].kind, content); err != nil || got != hash {
				t.Errorf("object %s reads as %s (%v)", hash, got, err)
			}
		}
	})
}

func FuzzRefs(f *testing.F) {
	f.Add("main", []byte(pkt("# service=git-upload-pack\n")+"0000"+pkt(strings.Repeat("1", 40)+" HEAD\x00 shallow agent=x\n")+pkt(strings.Repeat("1", 40)+" refs/heads/main\n")+"0000"))
	f.Add(strings.Repeat("2", 40), []byte(pkt(strings.Repeat("1", 40)+" refs/tags/a\n")+pkt(strings.Repeat("2", 40)+" refs/tags/a^{}\n")+"0000"))
	f.Fuzz(func(t *testing.T, want string, data []byte) {
		l := newListing(want)
		hello, err := readGreeting(&packets{r: bytes.NewReader(data)}, l)
		if err != nil {
			return
		}
		if got, err := l.resolve(hello, 1); err == nil && (got.commit.IsZero() && want != strings.Repeat("0", 40) || len(got.wants) == 0) {
			t.Errorf("%q was resolved to %+v", want, got)
		}
	})
}
