// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A build is everything that decides what the binaries are.
type build struct {
	pieces    []piece
	moduleDir string
	title     string // and version, for people
	version   string // as in go.mod, such as v1.37.2
	flags     []string
	key       string // names the directory in the cache
}

// newBuild reads the set's go.mod through the go command, so it must run inside
// this module. The key does not depend on the pieces: those that are asked for
// later join those that are there.
func newBuild(ctx context.Context, s set) (build, error) {
	here, err := goList(ctx, ".", "{{.Dir}}", module)
	if err != nil {
		return build{}, fmt.Errorf("this program builds from its own module, so run it as `go -C test/cluster run .`: %w", err)
	}
	dir := filepath.Join(here, s.dir)
	version, err := goList(ctx, dir, "{{.Version}}", s.versionOf)
	if err != nil {
		return build{}, fmt.Errorf("the version of %s cannot be read from go.mod: %w", s.title, err)
	}
	stamp, err := s.stamp(version)
	if err != nil {
		return build{}, err
	}
	flags := buildFlags(stamp)
	key, err := cacheKey(os.DirFS(dir), s.sources, version, flags)
	if err != nil {
		return build{}, err
	}
	return build{pieces: s.pieces, moduleDir: dir, title: s.title + " " + version, version: version, flags: flags, key: s.keyPrefix + key}, nil
}

// buildFlags has no -trimpath: it would compile all of Kubernetes again instead of
// sharing the compiled packages with other modules that need them.
func buildFlags(stamp string) []string {
	return []string{"-buildvcs=false", "-ldflags", "-s -w" + stamp}
}

// cacheKey is the version, for people, and a hash of whatever can change the
// binaries, for us.
func cacheKey(src fs.FS, sources []string, version string, flags []string) (string, error) {
	h := sha256.New()
	for _, pattern := range sources {
		names, err := fs.Glob(src, pattern)
		if err == nil && len(names) == 0 {
			err = fmt.Errorf("there is no %s", pattern)
		}
		if err != nil {
			return "", fmt.Errorf("what decides the binaries cannot be read: %w", err)
		}
		for _, name := range names {
			data, err := fs.ReadFile(src, name)
			if err != nil {
				return "", fmt.Errorf("what decides the binaries cannot be read: %w", err)
			}
			fmt.Fprintf(h, "%s %d\n%s", name, len(data), data)
		}
	}
	fmt.Fprintf(h, "%s %s/%s %q", runtime.Version(), runtime.GOOS, runtime.GOARCH, flags)
	return version + "-" + hex.EncodeToString(h.Sum(nil))[:12], nil
}

// compile builds one piece into the file at path. It is pure Go, and it does
// not let a work file or the caller's settings choose other sources.
func (b build) compile(ctx context.Context, p piece, path string) error {
	args := append([]string{"build", "-o", path}, b.flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, p.pkg)...)
	cmd.Dir = b.moduleDir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return fmt.Errorf("stopped while building %s: %w", p.name, context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("%s does not build: %w\n%s", p.name, err, bytes.TrimSpace(out))
	}
	return nil
}

func goList(ctx context.Context, dir, format, mod string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", format, mod)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go list -m %s: %w: %s", mod, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}
