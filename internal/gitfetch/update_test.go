// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/google/go-cmp/cmp"
)

// checkedOut is a commit as git checks it out.
func (r repo) checkedOut(commit string) files {
	r.t.Helper()
	dir := r.t.TempDir()
	for _, args := range [][]string{{"read-tree", commit}, {"checkout-index", "--all", "--prefix=" + dir + "/out/"}} {
		cmd := exec.Command("git", append([]string{"--work-tree=" + dir}, args...)...)
		cmd.Dir, cmd.Env = r.dir, append(gitEnv(), "GIT_INDEX_FILE="+filepath.Join(dir, "index"))
		if out, err := cmd.CombinedOutput(); err != nil {
			r.t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "out")); err != nil {
		return files{} // an empty tree
	}
	return readTree(r.t, filepath.Join(dir, "out"))
}

// follower polls as git-poller does: each time with what it has from the time before.
type follower struct {
	t       testing.TB
	request Request
}

func (f *follower) poll() (Result, files) {
	f.t.Helper()
	result, tree := mustFetch(f.t, f.request)
	if !result.Changed {
		return result, nil
	}
	f.request.Have, f.request.Published, f.request.Kept = result.Commit, tree, filepath.Join(filepath.Dir(tree), keptName)
	return result, readTree(f.t, tree)
}

// changes makes a repository change in all ways, one commit after the other.
func changes(r repo, steps int) func() string {
	random := rand.New(rand.NewPCG(1, 2))
	ballast := make([]byte, 100_000) // which no pack can make small
	_, _ = rand.NewChaCha8([32]byte{1}).Read(ballast)
	now := similar(30, 3000)
	now["dir/sub/link"] = isLink + "../../000"
	now["large"] = strings.Repeat("0123456789abcdef", 1<<14)
	var names []string
	parent := ""
	return func() string {
		names = names[:0]
		for name := range now {
			names = append(names, name)
		}
		pick := func() string { return names[random.IntN(len(names))] }
		for range random.IntN(4) {
			switch name, other := pick(), fmt.Sprintf("dir/%d/%d", random.IntN(3), random.IntN(9)); random.IntN(7) {
			case 0:
				delete(now, name)
			case 1: // moved
				now[other] = now[name]
				delete(now, name)
			case 2: // copied
				now[other] = now[name]
			case 3:
				now[other] = fmt.Sprint("new ", random.Int())
			case 4:
				now[name] = isExecutable + strings.TrimPrefix(now[name], isExecutable)
			case 5:
				if !strings.HasPrefix(now[name], isLink) {
					now[name] += fmt.Sprint("\nmore ", random.Int())
				}
			case 6:
				now["dir/sub/link"] = isLink + fmt.Sprint("../x", random.IntN(5))
			}
			if len(now) < 10 {
				now = similar(20, 2000)
			}
			names = names[:0]
			for name := range now {
				names = append(names, name)
			}
		}
		now["ballast"] = string(ballast)
		if parent != "" && steps%4 != 0 {
			parent = r.commit("refs/heads/main", now, parent)
		} else { // a history of its own
			parent = r.commit("refs/heads/main", now)
		}
		steps--
		return parent
	}
}

func TestAnUpdateIsWhatGitWouldCheckOut(t *testing.T) {
	t.Parallel()
	const steps = 14
	r := newRepo(t, "")
	next := changes(r, steps)
	followers := map[string]*follower{}
	for way, request := range transports(t, r) {
		request.Ref = "main"
		followers[way] = &follower{t, request}
	}
	for step := range steps {
		commit := next()
		want := r.checkedOut(commit)
		for way, f := range followers {
			had := f.request.Have
			got, tree := f.poll()
			if had == commit {
				continue
			}
			if got.Commit != commit || got.Misfit != "" {
				t.Errorf("%s, step %d: got %+v, want commit %s without a misfit", way, step, got, commit)
			}
			if diff := cmp.Diff(want, tree); diff != "" {
				t.Fatalf("%s, step %d: tree (-want +got):\n%.2000s", way, step, diff)
			}
			if step > 0 && got.Received > 30_000 {
				t.Errorf("%s, step %d: %d bytes were fetched", way, step, got.Received)
			}
		}
	}
}

// What is kept is a pack like any other.
func TestGitReadsWhatIsKept(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	r.commit("refs/heads/main", similar(3, 100))
	f := &follower{t, Request{Repo: serveRepo(t, r)}}
	f.poll()
	pack := filepath.Join(t.TempDir(), "p.pack")
	content, err := os.ReadFile(f.request.Kept)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pack, content, 0o600); err != nil {
		t.Fatal(err)
	}
	r.git("", "index-pack", pack)
	if got := strings.Count(r.git("", "verify-pack", "-v", pack), " tree "); got != 1 {
		t.Errorf("it holds %d trees, want 1", got)
	}
}

// rewrite changes requests for a pack before the server sees them, and its answers.
func rewrite(h http.Handler, request, answer func(string) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), "want ") {
			r.Body = io.NopCloser(bytes.NewReader(body))
			h.ServeHTTP(w, r)
			return
		}
		text := request(string(body))
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r)
		w.Header().Set("Content-Type", recorder.Header().Get("Content-Type"))
		_, _ = io.WriteString(w, answer(recorder.Body.String()))
	})
}

// rewriteIf answers requests that hold a string in another way.
func rewriteIf(h http.Handler, text string, answer func(http.ResponseWriter)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), text) {
			answer(w)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		h.ServeHTTP(w, r)
	})
}

func same(text string) string { return text }

// Whatever does not fit, all of the commit is fetched, and the result says why.
func TestWhatDoesNotFitIsFetchedWhole(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	old := r.commit("refs/heads/old", files{"a": "old", "b": "old"})
	first := r.commit("refs/heads/main", files{"a": "first", "b": "b", "large": similar(1, 5000)["000"]}, old)
	secret := r.commit("refs/heads/other", files{"a": "second", "b": "c", "large": similar(2, 5000)["001"], "c": "see"}, first)
	want := files{"a": "second", "b": "c", "large": similar(2, 5000)["001"], "d": "d"}
	git := backend(t, filepath.Dir(r.dir))
	write := func(name, text string) func(f *follower) {
		return func(f *follower) {
			if err := os.WriteFile(filepath.Join(f.request.Published, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	pipe := func(path func(f *follower) string) func(f *follower) {
		return func(f *follower) {
			if err := os.Remove(path(f)); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(path(f), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	kept := func(change func(content []byte) []byte) func(f *follower) {
		return func(f *follower) {
			content, err := os.ReadFile(f.request.Kept)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(f.request.Kept, change(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	lie := func(text string) string {
		return strings.NewReplacer("have "+first, "have "+secret, "shallow "+first, "shallow "+secret).Replace(text)
	}
	cut := func(text string) string { return text[:len(text)-30] }
	nothing := func(*follower) {}
	for name, c := range map[string]struct {
		server http.Handler
		meddle func(f *follower)
		misfit string // how it begins; none if nothing is built upon
	}{
		"a server that believes we have more than we said": {rewrite(git, lie, same), nothing, ""}, // it is asked for what is missing
		"it, in version 0":                     {rewrite(v0(git), lie, same), nothing, "the server's pack "},
		"an answer that ends early":            {rewrite(git, same, func(s string) string { return cutIf(s, 2500, cut) }), nothing, "the server's "},
		"a file that somebody has changed":     {git, write("large", similar(3, 5000)["002"]), `the published file "large" is not what it was`},
		"a file that somebody has shortened":   {git, write("large", ""), `the published file "large" is not what it was`},
		"a pipe in its place":                  {git, pipe(func(f *follower) string { return filepath.Join(f.request.Published, "large") }), `the published file "large" is not what it was`},
		"a tree that somebody has removed":     {git, func(f *follower) { _ = os.RemoveAll(f.request.Published) }, ""},
		"a pipe in place of what is kept":      {git, pipe(func(f *follower) string { return f.request.Kept }), ""},
		"nothing in its place":                 {git, func(f *follower) { _ = os.Remove(f.request.Kept) }, ""},
		"half of it":                           {git, kept(func(b []byte) []byte { return b[:len(b)/2] }), ""},
		"another bit in it":                    {git, kept(func(b []byte) []byte { b[len(b)/2] ^= 4; return b }), ""},
		"that of another commit":               {git, func(f *follower) { f.request.Have = old }, ""},
		"a server that cannot cut off history": {v0(strip(git, "shallow")), nothing, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			branch := fmt.Sprintf("refs/heads/%x", name)
			r.git("", "update-ref", branch, first)
			f := &follower{t, Request{Repo: serve(t, c.server) + "/site.git", Ref: branch}}
			f.poll()
			c.meddle(f)
			r.commit(branch, want, first)
			got, tree := f.poll()
			if (c.misfit == "") != (got.Misfit == "") || !strings.HasPrefix(got.Misfit, c.misfit) {
				t.Errorf("the misfit is %q, want %q", got.Misfit, c.misfit)
			}
			if diff := cmp.Diff(want, tree); diff != "" {
				t.Errorf("tree (-want +got):\n%s", diff)
			}
		})
	}
}

// cutIf cuts what is shorter than a length.
func cutIf(text string, length int, cut func(string) string) string {
	if len(text) > length {
		return text
	}
	return cut(text)
}

// strip takes a capability out of what a server says of itself.
func strip(h http.Handler, capability string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r)
		w.Header().Set("Content-Type", recorder.Header().Get("Content-Type"))
		_, _ = io.WriteString(w, strings.ReplaceAll(recorder.Body.String(), " "+capability+" ", " "+strings.Repeat("x", len(capability))+" "))
	})
}

// A server whose packs never have what they build upon.
func TestAPackWhoseBasesAreMissingForEver(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	first := r.commit("refs/heads/main", files{"a": "a", "large": similar(1, 5000)["000"]})
	second := r.commit("refs/heads/main", files{"a": "b", "large": similar(2, 5000)["001"]}, first)
	git := backend(t, filepath.Dir(r.dir))
	thin := func(text string) string {
		return strings.Replace(text, pkt("done\n"), pkt("thin-pack\n")+pkt("have "+first+"\n")+pkt("done\n"), 1)
	}
	url := serve(t, rewrite(git, thin, same)) + "/site.git"
	want := &Error{Reason: BadServer, Message: url + ": the server's pack is damaged or ends early (a delta without its base)"}
	if diff := cmp.Diff(want, mustFail(t, Request{Repo: url, Ref: second})); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// Where a server cuts off history does not matter to us, since we never read it.
func TestAShallowBoundaryMayMove(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	first := r.commit("refs/heads/main", files{"a": "a"})
	second := r.commit("", files{"a": "b"}, first)
	git := backend(t, filepath.Dir(r.dir))
	moved := func(text string) string {
		return strings.Replace(text, pkt("shallow-info\n"), pkt("shallow-info\n")+pkt("unshallow "+first+"\n")+pkt("shallow "+strings.Repeat("1", 40)+"\n"), 1)
	}
	f := &follower{t, Request{Repo: serve(t, rewrite(git, same, moved)) + "/site.git", Ref: "main"}}
	f.poll()
	r.git("", "update-ref", "refs/heads/main", second)
	if got, tree := f.poll(); got.Commit != second || got.Misfit != "" || tree["a"] != "b" {
		t.Errorf("got %+v and %q, want commit %s without a misfit", got, tree, second)
	}
	// The server's own history is cut off, between what we have and what is new.
	third := r.commit("refs/heads/main", files{"a": "c"}, second)
	if err := os.WriteFile(filepath.Join(r.dir, "shallow"), []byte(third+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, tree := f.poll(); got.Commit != third || tree["a"] != "c" {
		t.Errorf("got %+v and %q, want commit %s", got, tree, third)
	}
}

// Whatever delta a server sends to what is published, it is taken or refused. go-git's
// own implementation is the oracle.
func FuzzThinPack(f *testing.F) {
	f.Add([]byte("hello, world"), delta(12, 14, copyOp(0, 5), "\x02!!", copyOp(5, 7)), false)
	f.Add([]byte("x"), delta(1, 1, copyOp(0, 1)), true)
	f.Fuzz(func(t *testing.T, base, change []byte, meddle bool) {
		if len(base) == 0 || len(base) > 1<<16 {
			return
		}
		dir := t.TempDir()
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		s := newStore(root, 1<<20)
		defer s.close()
		hash := plumbing.ComputeHash(plumbing.BlobObject, base)
		s.published = &published{root: root}
		list := append(binary.AppendUvarint(hash[:], uint64(len(base))), "f\x00"...)
		if !s.addList(list) {
			t.Fatalf("the list %q is not taken", list)
		}
		want, wantErr := packfile.PatchDelta(base, change)
		if meddle {
			base[0]++
		}
		if err := os.WriteFile(filepath.Join(dir, "f"), base, 0o600); err != nil {
			t.Fatal(err)
		}
		var b packBuilder
		b.refDelta(hash, change)
		err = s.add(t.Context(), bytes.NewReader(b.bytes()))
		if (err == nil) != (wantErr == nil && !meddle) && len(want) < 1<<20 {
			t.Fatalf("got error %v, want %v (meddled with: %v)", err, wantErr, meddle)
		}
		if err != nil {
			return
		}
		i, ok := s.byHash[plumbing.ComputeHash(plumbing.BlobObject, want)]
		if !ok {
			t.Fatalf("it did not become %q", want)
		}
		if got, err := s.read(i, 1<<20); err != nil || !bytes.Equal(got, want) {
			t.Errorf("got %q (%v), want %q", got, err, want)
		}
	})
}
