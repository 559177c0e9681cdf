// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/tools/setup-envtest/remote"
	"sigs.k8s.io/controller-runtime/tools/setup-envtest/versions"
)

// maxArchive bounds what a server can make us keep before its checksum is known. Published
// archives have some 100 MB.
const maxArchive = 1 << 30

// A publisher offers the archives that Kubernetes' controller-tools publish for envtest: etcd,
// kube-apiserver and kubectl, with an index of their checksums.
type publisher struct {
	index    string        // its URL
	reach    time.Duration // within which the index has to arrive
	stall    time.Duration // for which an archive may bring nothing
	progress io.Writer
}

func newPublisher(progress io.Writer) publisher {
	index := cmp.Or(os.Getenv("PILLION_ENVTEST_INDEX"), remote.DefaultIndexURL)
	return publisher{index: index, reach: 10 * time.Second, stall: 30 * time.Second, progress: progress}
}

// fetch returns the name of the directory below root that holds published binaries of the
// minor version of want, downloading them if they are not there yet. The name is "" if
// there are none to be had: then a line of progress says why. An archive that differs
// from its checksum is an error.
func (p publisher) fetch(ctx context.Context, root string, want versions.Concrete) (string, error) {
	if name := kept(root, want); name != "" {
		return name, nil
	}
	unlock, err := lock(ctx, filepath.Join(root, ".lock"), p.progress)
	if err != nil {
		return "", err
	}
	defer unlock()
	if name := kept(root, want); name != "" { // by the run that we waited for
		return name, nil
	}
	if err := sweep(root); err != nil {
		return "", err
	}
	name, err := p.download(ctx, root, want)
	_, forged := errors.AsType[checksumError](err)
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("stopped while downloading: %w", context.Cause(ctx))
	case forged:
		return "", err
	case err != nil:
		fmt.Fprintf(p.progress, "cluster: no prebuilt binaries are used: %v\n", err)
	}
	return name, nil
}

// download puts the binaries in place and returns their directory's name.
func (p publisher) download(ctx context.Context, root string, want versions.Concrete) (string, error) {
	client := &remote.HTTPClient{Log: logr.Discard(), IndexURL: p.index}
	version, sum, err := p.choose(ctx, client, want)
	if err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(root, unfinished)
	if err != nil {
		return "", fmt.Errorf("a directory to download to cannot be made: %w", err)
	}
	defer os.RemoveAll(work)
	archive, err := os.Create(filepath.Join(work, "archive"))
	if err != nil {
		return "", err
	}
	defer archive.Close()

	name := platform.ArchiveName(version)
	start := time.Now()
	fmt.Fprintf(p.progress, "cluster: downloading %s, which %s lists\n", name, p.index)
	got, err := p.get(ctx, client, version, archive)
	if err != nil {
		return "", err
	}
	if got != sum {
		return "", checksumError{archive: name, index: p.index, got: got, want: sum}
	}
	dir := strings.TrimSuffix(name, ".tar.gz")
	if err := unpack(archive, work, filepath.Join(root, dir)); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(p.progress, "cluster: downloaded in %s, its SHA-512 is right; kept for the next time in %s\n", since(start), filepath.Join(root, dir))
	return dir, nil
}

var platform = versions.Platform{OS: runtime.GOOS, Arch: runtime.GOARCH}

// choose is the version to take, and the SHA-512 of its archive in hex: exactly the one that
// is wanted, or else the newest of its minor version.
func (p publisher) choose(ctx context.Context, client remote.Client, want versions.Concrete) (versions.Concrete, string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.reach, fmt.Errorf("no answer within %s", p.reach))
	defer cancel()
	sets, err := client.ListVersions(ctx) // the newest first
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return versions.Concrete{}, "", fmt.Errorf("the index %s cannot be read: %w", p.index, err)
	}
	slices.SortStableFunc(sets, func(a, b versions.Set) int { return closer(want, b.Version, a.Version) })
	for _, set := range sets {
		for _, item := range set.Platforms {
			if item.Platform == platform && sameMinor(want, set.Version) {
				return set.Version, item.Value, nil
			}
		}
	}
	return versions.Concrete{}, "", fmt.Errorf("the index %s lists no version %d.%d for %s", p.index, want.Major, want.Minor, platform)
}

// closer compares how well two versions suit: the wanted one best, and then the newer.
func closer(want, a, b versions.Concrete) int {
	if a == b || (a != want && b != want) {
		return a.Compare(b)
	}
	if a == want {
		return 1
	}
	return -1
}

func sameMinor(a, b versions.Concrete) bool { return a.Major == b.Major && a.Minor == b.Minor }

// get downloads an archive and returns its SHA-512 in hex. The library would check it as well, but
// its error cannot be told from others.
func (p publisher) get(ctx context.Context, client remote.Client, version versions.Concrete, to io.Writer) (string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(p.stall, func() { cancel(fmt.Errorf("nothing arrived for %s", p.stall)) })
	defer timer.Stop()
	m := &meter{to: to, sum: sha512.New(), alive: func() { timer.Reset(p.stall) }, progress: p.progress, said: time.Now()}
	if err := client.GetVersion(ctx, version, versions.PlatformItem{Platform: platform}, m); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return "", fmt.Errorf("the download of %s failed after %d bytes: %w", platform.ArchiveName(version), m.bytes, err)
	}
	return hex.EncodeToString(m.sum.Sum(nil)), nil
}

// A meter passes on what is downloaded, and tells of it.
type meter struct {
	to       io.Writer
	sum      hash.Hash
	alive    func()
	progress io.Writer
	bytes    int
	said     time.Time
}

func (m *meter) Write(data []byte) (int, error) {
	m.alive()
	m.sum.Write(data)
	if m.bytes += len(data); m.bytes > maxArchive {
		return 0, fmt.Errorf("it is larger than %d bytes", maxArchive)
	}
	if time.Since(m.said) > 10*time.Second {
		m.said = time.Now()
		fmt.Fprintf(m.progress, "cluster: %d MB so far\n", m.bytes/1e6)
	}
	return m.to.Write(data)
}

// A checksumError is an archive that is not what the index says. Nothing of it is used.
type checksumError struct{ archive, index, got, want string }

func (e checksumError) Error() string {
	return fmt.Sprintf("%s has the SHA-512 %s, but the index %s says %s: nothing of it is used; set PILLION_BUILD=1 to build from source instead",
		e.archive, e.got, e.index, e.want)
}

// kept is the name of the best directory below root that holds published binaries, or "".
func kept(root string, want versions.Concrete) string {
	dirs, _ := filepath.Glob(filepath.Join(root, platform.ArchiveName(want)[:len("envtest-v")]+"*"))
	var best string
	var bestVersion versions.Concrete
	for _, dir := range dirs {
		version, of := versions.ExtractWithPlatform(versions.ArchiveRE, filepath.Base(dir)+".tar.gz")
		if version == nil || of != platform || !sameMinor(want, *version) || len(missing(dir, apiServer())) > 0 {
			continue
		}
		if best == "" || closer(want, *version, bestVersion) > 0 {
			best, bestVersion = filepath.Base(dir), *version
		}
	}
	return best
}
