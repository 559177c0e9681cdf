// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// tiny is a build of one small program, so that installing can be tested in a second.
func tiny(t *testing.T) build {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example.test/tiny\n\ngo 1.26\n", 0o644)
	write(t, filepath.Join(dir, "main.go"), "package main\n\nfunc main() { println(version) }\n\nvar version string\n", 0o644)
	return build{
		pieces:    []piece{{name: "tiny", pkg: "example.test/tiny"}},
		moduleDir: dir, title: "Tiny v1.2.3", key: "v1.2.3-0",
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestTwoRunsAtOnceBuildOnce(t *testing.T) {
	root, b := t.TempDir(), tiny(t)
	var progress [2]strings.Builder
	var wg sync.WaitGroup
	for i := range progress {
		wg.Go(func() {
			dir, err := install(t.Context(), root, b, &progress[i])
			if err != nil || len(missing(dir, b.pieces)) > 0 {
				t.Errorf("run %d: directory %q, error %v", i, dir, err)
			}
		})
	}
	wg.Wait()
	if n := strings.Count(progress[0].String()+progress[1].String(), "building Tiny"); n != 1 {
		t.Errorf("built %d times, want once:\n%s%s", n, &progress[0], &progress[1])
	}
}

func TestWhatAKilledRunLeftIsReplaced(t *testing.T) {
	root, b := t.TempDir(), tiny(t)
	for _, dir := range []string{unfinished + "123", b.key} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := install(t.Context(), root, b, io.Discard); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != b.key && e.Name() != ".lock" {
			t.Errorf("%s is still there", e.Name())
		}
	}
}

func TestPiecesAskedForLaterJoinThoseThatAreThere(t *testing.T) {
	root, b := t.TempDir(), tiny(t)
	dir, err := install(t.Context(), root, b, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(filepath.Join(dir, "tiny"))
	if err != nil {
		t.Fatal(err)
	}

	b.pieces = append(b.pieces, piece{name: "later", pkg: "example.test/tiny"})
	again, err := install(t.Context(), root, b, io.Discard)
	if err != nil || again != dir || len(missing(dir, b.pieces)) > 0 {
		t.Errorf("directory %q, error %v; want both pieces in %q", again, err, dir)
	}
	after, err := os.Stat(filepath.Join(dir, "tiny"))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the first piece was built again (error %v)", err)
	}
}

func TestAnUnknownArgumentIsRejected(t *testing.T) {
	_, err := run(t.Context(), []string{"nodes"}, io.Discard)
	if err == nil || !strings.HasPrefix(err.Error(), `the argument is "nodes"; there are apiserver, node, `) {
		t.Errorf("error %v", err)
	}
}

func TestABuildErrorLeavesNothing(t *testing.T) {
	root, b := t.TempDir(), tiny(t)
	b.pieces[0].pkg = "example.test/tiny/absent"
	_, err := install(t.Context(), root, b, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "tiny does not build: ") {
		t.Fatalf("error %v, want one that says tiny does not build", err)
	}
	if entries, _ := os.ReadDir(root); len(entries) != 1 {
		t.Errorf("%v left in the cache, want the lock file alone", entries)
	}
}

func TestACancelledRunSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("interrupt")
	cancel(reason)
	if _, err := install(ctx, t.TempDir(), tiny(t), io.Discard); !errors.Is(err, reason) {
		t.Errorf("error %v, want one caused by %q", err, reason)
	}
}

func TestProvidedAssetsMayLackOnlyTheControllerManager(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"etcd", "kubectl"} {
		write(t, filepath.Join(dir, name), "", 0o755)
	}
	_, err := provided(dir, controlPlane(), io.Discard)
	want := "KUBEBUILDER_ASSETS names " + dir + ", which lacks a usable kube-apiserver: "
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want it to start with %q", err, want)
	}

	write(t, filepath.Join(dir, "kube-apiserver"), "", 0o755)
	var progress strings.Builder
	if got, err := provided(dir, controlPlane(), &progress); err != nil || got != dir {
		t.Errorf("got %q, error %v; want %q", got, err, dir)
	}
	if !strings.Contains(progress.String(), "no kube-controller-manager") {
		t.Errorf("progress %q does not say what is missing", &progress)
	}
}

func TestTheKeyFollowsTheSources(t *testing.T) {
	src := fstest.MapFS{
		"go.mod": {Data: []byte("a")}, "go.sum": {Data: []byte("b")}, "etcd/main.go": {Data: []byte("c")}, "pause/main.go": {Data: []byte("d")},
	}
	seen := map[string]bool{}
	add := func(version string, flags ...string) {
		t.Helper()
		key, err := cacheKey(src, []string{"go.mod", "go.sum", "*/main.go"}, version, flags)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(key, version+"-") || seen[key] {
			t.Errorf("key %q is not new or does not start with the version", key)
		}
		seen[key] = true
	}
	add("v1.2.3")
	add("v1.2.4")
	add("v1.2.3", "-race")
	src["go.sum"].Data = []byte("d")
	add("v1.2.3")
	src["later/main.go"] = &fstest.MapFile{Data: []byte("e")}
	add("v1.2.3")

	if _, err := cacheKey(src, []string{"go.work"}, "v1.2.3", nil); err == nil || !strings.HasSuffix(err.Error(), "there is no go.work") {
		t.Errorf("error %v, want one that names the file that is not there", err)
	}
}

func TestTheVersionIsStampedIn(t *testing.T) {
	stamp, err := stampKubernetes("v1.37.2")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"gitVersion=v1.37.2", "gitMajor=1 ", "gitMinor=37"} {
		if !strings.Contains(stamp+" ", want) {
			t.Errorf("flags %q lack %q", stamp, want)
		}
	}
	if _, err := stampKubernetes("master"); err == nil {
		t.Error("a version that is no release is taken")
	}
}

func TestTheSetsHaveDirectoriesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{"node", "certmanager", "helm/v3", "helm/v4", "kube-router"} {
		s, err := findSet(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := newBuild(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if seen[b.key] || !strings.HasPrefix(b.key, s.keyPrefix+"v") {
			t.Errorf("%s has the directory %q, which is not new or does not start with %q and a version", name, b.key, s.keyPrefix)
		}
		seen[b.key] = true
	}
}
