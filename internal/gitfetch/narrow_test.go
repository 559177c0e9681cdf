// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// monorepo has a directory among much else.
func monorepo(t testing.TB) (repo, files) {
	t.Helper()
	r := newRepo(t, "")
	r.git("", "config", "uploadpack.allowFilter", "true")
	tree := files{"team/site/index.html": "hello", "team/site/css/a.css": "a {}", "team/other": "o"}
	for name, text := range similar(40, 20_000) {
		tree["lib/"+name] = text
	}
	return r, tree
}

// below are the files of a directory, with the directories between.
func below(all files, dir string) files {
	out := files{}
	for path, value := range all {
		if rest, found := strings.CutPrefix(path, dir+"/"); found {
			out[rest] = value
			for up := filepath.Dir(rest); up != "."; up = filepath.Dir(up) {
				out[up] = isDirectory
			}
		}
	}
	return out
}

// Of a large repository the directory that is published is fetched, and nothing else,
// where a server can give out parts.
func TestAFolderIsFetchedAlone(t *testing.T) {
	t.Parallel()
	r, tree := monorepo(t)
	commit := r.commit("refs/heads/main", tree)
	followers := map[string]*follower{}
	for way, request := range transports(t, r) {
		request.Ref, request.Subdir = "main", "team/site"
		followers[way] = &follower{t, request}
	}
	for _, step := range []struct {
		name     string
		change   func()
		received int64 // at most, in version 2
	}{
		{"at first", func() {}, 2000},
		{"a file of it has changed", func() { tree["team/site/index.html"] = "hello, world" }, 1000},
		{"something else has changed", func() { tree["lib/new"] = strings.Repeat("new", 1000) }, 800},
		{"a file has moved into it", func() {
			tree["team/site/lib/moved"] = tree["lib/003"]
			delete(tree, "lib/003")
		}, 30_000},
		{"a file of it has moved", func() {
			tree["team/site/moved"] = tree["team/site/lib/moved"]
			delete(tree, "team/site/lib/moved")
		}, 1000},
		{"it is another directory altogether", func() { tree["team/site/x/y/z"] = tree["lib/010"] + "more" }, 30_000},
	} {
		step.change()
		commit = r.commit("refs/heads/main", tree, commit)
		for way, f := range followers {
			got, published := f.poll()
			if got.Commit != commit || got.Misfit != "" && !strings.Contains(way, "version 0") {
				t.Errorf("%s, %s: got %+v, want commit %s without a misfit", way, step.name, got, commit)
			}
			if diff := cmp.Diff(below(tree, "team/site"), published); diff != "" {
				t.Errorf("%s, %s: tree (-want +got):\n%.1000s", way, step.name, diff)
			}
			if !strings.Contains(way, "version 0") && got.Received > step.received {
				t.Errorf("%s, %s: %d bytes were fetched, want at most %d", way, step.name, got.Received, step.received)
			}
		}
	}
}

// A server may say that it can filter and mean something else.
func TestAServerThatCannotFilterAfterAll(t *testing.T) {
	t.Parallel()
	r, tree := monorepo(t)
	commit := r.commit("refs/heads/main", tree)
	git := backend(t, filepath.Dir(r.dir))
	refuses := rewriteIf(git, "filter ", func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		_, _ = fmt.Fprint(w, pkt("ERR filter 'tree' not supported"))
	})
	got, published := mustFetch(t, Request{Repo: serve(t, refuses) + "/site.git", Subdir: "team/site"})
	if got.Commit != commit || !strings.Contains(got.Misfit, `"filter 'tree' not supported"`) {
		t.Errorf("got %+v, want commit %s and what the server said", got, commit)
	}
	if diff := cmp.Diff(below(tree, "team/site"), readTree(t, published)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	got, published = mustFetch(t, Request{Repo: serve(t, refuses) + "/site.git", Subdir: "team/site", Whole: true})
	if got.Misfit != "" || got.Received < 10_000 {
		t.Errorf("asked for all: got %+v, want it without a misfit", got)
	}
	if diff := cmp.Diff(below(tree, "team/site"), readTree(t, published)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}
