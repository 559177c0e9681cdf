// SPDX-License-Identifier: Apache-2.0

// Command cluster provides the programs of others that the tests and the demo run, and
// prints the directory that holds them. Progress goes to stderr.
//
//	go -C test/cluster run .               # etcd, kube-apiserver, kubectl, kube-controller-manager
//	go -C test/cluster run . apiserver     # the first three
//	go -C test/cluster run . node          # and kubelet, kube-proxy, kube-scheduler, pause
//	go -C test/cluster run . certmanager   # cert-manager's controllers, of test/certmanager
//	go -C test/cluster run . helm/v4       # Helm 4; or helm/v3
//	go -C test/cluster run . kube-router   # enforces NetworkPolicies
//
// The first three come from the archives that are published for envtest, if they can be
// downloaded: the version of go.mod, or the newest of its minor version. The index of
// these archives has their checksums; PILLION_ENVTEST_INDEX is the URL of another index. What
// cannot be downloaded, and everything if PILLION_BUILD=1, is built from source, through the Go
// module proxy and nothing else.
//
// All is kept in $PILLION_CACHE, or else in the user's cache directory, so the minutes
// are spent once per version. If KUBEBUILDER_ASSETS is set, that directory is used for the
// control plane, and nothing is downloaded or built. A node's pieces have to fit each other, and
// no published archive holds them all, so they are built in any case.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"sigs.k8s.io/controller-runtime/tools/setup-envtest/versions"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := run(ctx, os.Args[1:], os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1) //nolint:gocritic // exitAfterDefer: the signal handler needs no undoing in a process that ends.
	}
	fmt.Println(dir)
}

// run returns the directory with the binaries, building them if need be.
func run(ctx context.Context, args []string, progress io.Writer) (string, error) {
	s, err := findSet(strings.Join(args, " "))
	if err != nil {
		return "", err
	}
	if given := os.Getenv("KUBEBUILDER_ASSETS"); given != "" && s.published {
		return provided(given, s.pieces, progress)
	}
	b, err := newBuild(ctx, s)
	if err != nil {
		return "", err
	}
	root, err := cacheRoot()
	if err != nil {
		return "", err
	}
	if s.published && len(missing(filepath.Join(root, b.key), b.pieces)) > 0 && !mustBuild() {
		var want versions.Concrete
		if _, err := fmt.Sscanf(b.version, "v%d.%d.%d", &want.Major, &want.Minor, &want.Patch); err != nil {
			return "", fmt.Errorf("%s is no release, as v1.37.2 is: %w", b.title, err)
		}
		name, err := newPublisher(progress).fetch(ctx, root, want)
		if err != nil {
			return "", err
		}
		b.key = cmp.Or(name, b.key)
	}
	return install(ctx, root, b, progress)
}

func mustBuild() bool {
	v := os.Getenv("PILLION_BUILD")
	return v != "" && v != "0"
}

// provided checks a directory that somebody else filled. The archives that are
// published for envtest have no kube-controller-manager, so only that one may
// be missing.
func provided(dir string, pieces []piece, progress io.Writer) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("KUBEBUILDER_ASSETS: %w", err)
	}
	for _, p := range pieces {
		err := executable(filepath.Join(dir, p.name))
		switch {
		case err == nil:
		case p.optional && errors.Is(err, os.ErrNotExist):
			fmt.Fprintf(progress, "cluster: KUBEBUILDER_ASSETS (%s) holds no %s: tests that need controllers will be skipped\n", dir, p.name)
		default:
			return "", fmt.Errorf("KUBEBUILDER_ASSETS names %s, which lacks a usable %s: %w; unset it to have everything built", dir, p.name, err)
		}
	}
	return dir, nil
}

// executable says why the file at path cannot be run, if it cannot.
func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return fmt.Errorf("%s is not an executable file", path)
	}
	return nil
}

// cacheRoot is the directory under which each set of binaries has a directory
// named by its key.
func cacheRoot() (string, error) {
	base := os.Getenv("PILLION_CACHE")
	if base == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("there is no place to keep the binaries: %w; set PILLION_CACHE to a directory", err)
		}
		base = filepath.Join(user, "pillion")
	}
	root, err := filepath.Abs(filepath.Join(base, "cluster"))
	if err != nil {
		return "", fmt.Errorf("the cache directory %q: %w", base, err)
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", fmt.Errorf("the cache directory cannot be made: %w; set PILLION_CACHE to one that can", err)
	}
	return root, nil
}

// install makes sure that root holds b's binaries and returns their directory.
// Builds are serialised by a lock on root and each binary becomes visible by one
// rename, so two runs at once do the work once, and a broken run leaves nothing
// half done.
func install(ctx context.Context, root string, b build, progress io.Writer) (string, error) {
	dir := filepath.Join(root, b.key)
	if len(missing(dir, b.pieces)) == 0 {
		return dir, nil
	}
	unlock, err := lock(ctx, filepath.Join(root, ".lock"), progress)
	if err != nil {
		return "", err
	}
	defer unlock()
	todo := missing(dir, b.pieces) // less, if the run we waited for was of use
	if len(todo) == 0 {
		return dir, nil
	}
	if err := sweep(root); err != nil {
		return "", err
	}

	work, err := os.MkdirTemp(root, unfinished)
	if err != nil {
		return "", fmt.Errorf("a directory to build in cannot be made: %w", err)
	}
	defer os.RemoveAll(work)
	fmt.Fprintf(progress, "cluster: building %s from source, kept for the next time in %s (some minutes on a cold cache)\n", b.title, dir)
	for i, p := range todo {
		built := filepath.Join(work, p.name)
		done := step(progress, fmt.Sprintf("[%d/%d] %s", i+1, len(todo), p.name))
		err := b.compile(ctx, p, built)
		done(err)
		if err != nil {
			return "", err
		}
		if err := place(built, filepath.Join(dir, p.name)); err != nil {
			return "", fmt.Errorf("the finished %s cannot be put in place: %w", p.name, err)
		}
	}
	return dir, nil
}

// place moves a finished file, over whatever other hands have put there.
func place(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// unfinished starts the name of every directory that is being built in.
const unfinished = ".building-"

// sweep removes what killed runs left behind. The caller holds the lock, so
// nobody is building.
func sweep(root string) error {
	left, err := filepath.Glob(filepath.Join(root, unfinished+"*"))
	if err != nil {
		return err
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("what an earlier run left behind cannot be removed: %w", err)
		}
	}
	return nil
}

// missing are the pieces that dir does not hold.
func missing(dir string, pieces []piece) []piece {
	return slices.DeleteFunc(slices.Clone(pieces), func(p piece) bool {
		return executable(filepath.Join(dir, p.name)) == nil
	})
}

// lock takes the lock file, waiting for another run if there is one.
func lock(ctx context.Context, path string, progress io.Writer) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("the lock file cannot be opened: %w", err)
	}
	for told := false; ; told = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil // closing releases it
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("the lock file %s cannot be locked: %w", path, err)
		}
		if !told {
			fmt.Fprintln(progress, "cluster: waiting for another run that is building the same")
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("stopped while waiting for another run: %w", context.Cause(ctx))
		case <-time.After(200 * time.Millisecond):
		}
	}
}
