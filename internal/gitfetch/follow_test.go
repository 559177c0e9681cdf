// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestALinkOutOfTheDirectoryIsItsContent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tree files
		want files
	}{
		"to a file": {
			files{"site/a": isLink + "../shared/a", "shared/a": "a"},
			files{"a": "a"},
		},
		"to a program": {
			files{"site/bin/a": isLink + "../../shared/a", "shared/a": isExecutable + "a"},
			files{"bin": isDirectory, "bin/a": isExecutable + "a"},
		},
		"to a directory": {
			files{"site/lib": isLink + "../shared", "shared/a": "a", "shared/deep/b": "b"},
			files{"lib": isDirectory, "lib/a": "a", "lib/deep": isDirectory, "lib/deep/b": "b"},
		},
		"over another link": {
			files{"site/a": isLink + "../latest/a", "latest": isLink + "v2/./", "v2/a": "a"},
			files{"a": "a"},
		},
		"through a link that is followed": {
			files{"site/lib": isLink + "../shared", "site/a": isLink + "lib/a", "shared/a": "a"},
			files{"lib": isDirectory, "lib/a": "a", "a": "a"},
		},
		"up from a link that is followed": {
			files{"site/lib": isLink + "../shared/lib", "site/a": isLink + "lib/../a", "site/b": isLink + "./c", "site/c": "c", "shared/lib/x": "x", "shared/a": "a"},
			files{"lib": isDirectory, "lib/x": "x", "a": "a", "b": isLink + "./c", "c": "c"},
		},
		"out and in again": {
			files{"site/a": isLink + "../site/b", "site/b": "b"},
			files{"a": "b", "b": "b"},
		},
		"in a directory that is followed, within it": {
			files{"site/lib": isLink + "../shared", "shared/a": isLink + "deep/b", "shared/deep/b": "b", "shared/deep/up": isLink + ".."},
			files{"lib": isDirectory, "lib/a": isLink + "deep/b", "lib/deep": isDirectory, "lib/deep/b": "b", "lib/deep/up": isLink + ".."},
		},
		"in a directory that is followed, out of it": {
			files{"site/lib": isLink + "../shared", "site/x": "not this one", "shared/a": isLink + "../x", "x": "x"},
			files{"lib": isDirectory, "lib/a": "x", "x": "not this one"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepo(t, "")
			r.git("", "config", "uploadpack.allowFilter", "true")
			git := backend(t, filepath.Dir(r.dir))
			ways := map[string]*follower{
				"version 2": {t, Request{Repo: serve(t, git) + "/site.git", Subdir: "site"}},
				"version 0": {t, Request{Repo: serve(t, v0(git)) + "/site.git", Subdir: "site"}},
			}
			parent := r.commit("refs/heads/main", files{"first": "commit", "site/a": "a"})
			for step := range 2 { // the second builds upon the first
				tree, want := maps.Clone(c.tree), maps.Clone(c.want)
				if step > 0 {
					tree["site/new"], want["new"] = fmt.Sprint(step), fmt.Sprint(step)
				}
				parent = r.commit("refs/heads/main", tree, parent)
				for way, f := range ways {
					got, published := f.poll()
					if got.Misfit != "" || got.Files+strings.Count(fmt.Sprint(want), isDirectory) != len(want) {
						t.Errorf("%s: got %+v, want %d files and directories without a misfit", way, got, len(want))
					}
					if diff := cmp.Diff(want, published); diff != "" {
						t.Errorf("%s, step %d: tree (-want +got):\n%s", way, step, diff)
					}
				}
			}
		})
	}
}

func TestALinkOutOfTheDirectoryThatLeadsToNothingIsRefused(t *testing.T) {
	t.Parallel()
	loop := files{"site/a": isLink + "../l0"}
	for i := range 50 {
		loop[fmt.Sprint("l", i)] = isLink + fmt.Sprint("l", (i+1)%50)
	}
	for name, c := range map[string]struct {
		tree files
		want string
	}{
		"out of the repository":       {files{"site/a": isLink + "../../x"}, `the commit's link "a", with the target "../../x", leads out of the repository`},
		"to the root of the machine":  {files{"site/a": isLink + "/etc/passwd"}, `the commit's link "a", with the target "/etc/passwd", leads out of the repository`},
		"there over another link":     {files{"site/a": isLink + "../b", "b": isLink + "/etc"}, `the commit's link "a", with the target "../b", leads out of the repository`},
		"to nothing":                  {files{"site/a": isLink + "../gone"}, `the commit's link "a", with the target "../gone", leads out of the published directory, and to nothing in the repository`},
		"through a file":              {files{"site/a": isLink + "../b/c", "b": "b"}, `the commit's link "a", with the target "../b/c", leads out of the published directory, and to nothing in the repository`},
		"into a submodule":            {files{"site/a": isLink + "../m", "m": isSubmodule + strings.Repeat("1", 40)}, `the commit's link "a", with the target "../m", leads out of the published directory, and to nothing in the repository`},
		"round and round":             {loop, `the commit's link "a", with the target "../l0", leads to nothing, over more links than a system follows`},
		"to all of the repository":    {files{"site/a": isLink + "..", "b": "b"}, `the commit's link "a", with the target "..", leads to a directory that holds it, which has no end`},
		"to itself from outside":      {files{"site/a": isLink + "../site"}, `the commit's link "a", with the target "../site", leads to a directory that holds it, which has no end`},
		"to what leads back to it":    {files{"site/a": isLink + "../b", "b/c": isLink + "../site", "b/d": "d"}, `the commit's link "a/c", with the target "../site", leads to a directory that holds it, which has no end`},
		"to what leads back below it": {files{"site/s/a": isLink + "../../b", "b/c": isLink + "../site/s"}, `the commit's link "s/a/c/a", with the target "../../b", leads to a directory that holds it, which has no end`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepo(t, "")
			commit := r.commit("refs/heads/main", c.tree)
			url := serveRepo(t, r)
			want := &Error{Reason: Refused, Commit: commit, Message: url + " at " + commit + ": " + c.want}
			if diff := cmp.Diff(want, mustFail(t, Request{Repo: url, Subdir: "site"})); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}
