// SPDX-License-Identifier: Apache-2.0

// Package gobuild compiles Go commands for images and for releases: static, stripped, without the
// paths of the machine that builds, and stamped with the commit.
//
// The same commit, tags, Go toolchain and a clean work tree give the same bytes,
// wherever and whenever.
package gobuild

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
)

// A Binary is a compiled command and what the go command stamped into it.
type Binary struct {
	Content  []byte
	Version  string    // "v0.1.0", a pseudo-version, either with "+dirty" behind it, or "(devel)" without git
	Revision string    // full git hash, with "-dirty" if files were changed; "" without git
	Time     time.Time // of the commit, UTC; 1970 without git
}

// Compile builds package pkg, such as "./cmd/webhook", of the module whose root is
// dir, for a platform such as "linux/amd64".
func Compile(ctx context.Context, dir, pkg, platform string) (Binary, error) {
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		return Binary{}, fmt.Errorf("%s is not the root of a Go module: %w", dir, err)
	}
	work, err := os.MkdirTemp("", "pillion-images-")
	if err != nil {
		return Binary{}, err
	}
	defer os.RemoveAll(work)
	path := filepath.Join(work, "binary")

	// Git decides what "auto" stamps; without git a build still works.
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "-trimpath", "-buildvcs=auto", "-ldflags=-s -w", pkg)
	cmd.Dir = dir
	cmd.Env = environment(os.Environ(), platform)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return Binary{}, fmt.Errorf("stopped while building %s for %s: %w", pkg, platform, context.Cause(ctx))
	}
	if err != nil {
		return Binary{}, fmt.Errorf("%s does not build for %s in %s: %w\n%s", pkg, platform, dir, err, bytes.TrimSpace(out))
	}
	return read(path)
}

// environment is the caller's, except for what would change the bytes: a work
// file, flags, the C compiler, and the processor's extensions.
func environment(base []string, platform string) []string {
	system, arch, _ := strings.Cut(platform, "/")
	return append(base,
		"GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly",
		"GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off",
	)
}

func read(path string) (Binary, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return Binary{}, err
	}
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return Binary{}, fmt.Errorf("the new binary has no build information: %w", err)
	}
	b, err := stamp(info)
	b.Content = content
	return b, err
}

func stamp(info *debug.BuildInfo) (Binary, error) {
	b := Binary{Version: info.Main.Version, Time: time.Unix(0, 0).UTC()}
	dirty := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.Revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		case s.Key == "vcs.time":
			t, err := time.Parse(time.RFC3339Nano, s.Value)
			if err != nil {
				return Binary{}, fmt.Errorf("the commit's time in the new binary: %w", err)
			}
			b.Time = t.UTC()
		}
	}
	if b.Revision != "" {
		b.Revision += dirty
	}
	return b, nil
}
