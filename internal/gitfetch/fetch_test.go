// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestACommitIsCheckedOut(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	hash := r.commit("refs/heads/main", files{
		"index.html":  "hello\n",
		"bin/run":     isExecutable + "#!/bin/sh\n",
		"css/a.css":   "a {}\n",
		"css/c.css":   isLink + "a.css",
		"vendored":    isSubmodule + strings.Repeat("1", 40),
		"empty":       "",
		"big.bin":     string(make([]byte, 3<<20)),
		"deep/er/est": "down\n",
	})
	request := ask(t, Request{Repo: serveRepo(t, r)})
	got, tree := mustFetch(t, request)
	if diff := cmp.Diff(Result{Commit: hash, Changed: true, Files: 7, Bytes: 3<<20 + 26, Submodules: 1}, got, anyReceived); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	want := files{
		"index.html": "hello\n",
		"bin":        isDirectory, "bin/run": isExecutable + "#!/bin/sh\n",
		"css": isDirectory, "css/a.css": "a {}\n", "css/c.css": isLink + "a.css",
		"vendored": isDirectory,
		"empty":    "",
		"big.bin":  string(make([]byte, 3<<20)),
		"deep":     isDirectory, "deep/er": isDirectory, "deep/er/est": "down\n",
	}
	if diff := cmp.Diff(want, readTree(t, tree)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	left, err := os.ReadDir(request.Dir)
	if err != nil || len(left) != 2 {
		t.Errorf("Dir holds %v (%v), want tree and %s alone", left, err, keptName)
	}
	info, err := os.Stat(filepath.Join(tree, "css/a.css"))
	if err != nil || !info.ModTime().Equal(testTime) {
		t.Errorf("css/a.css is of %v (%v), want the commit's time %v", info.ModTime(), err, testTime)
	}
}
