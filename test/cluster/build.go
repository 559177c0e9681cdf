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
	"runtime"
	"strings"
)

// module is what go.mod calls this module. Its go.mod is the only place where a
// version is written.
const module = "github.com/pillion-dev/pillion/test/cluster"

// A piece is one binary: its file name and the package it is built from.
type piece struct {
	name     string
	pkg      string
	optional bool // may be missing from KUBEBUILDER_ASSETS
}

func controlPlane() []piece {
	return []piece{
		{name: "etcd", pkg: module + "/etcd"},
		{name: "kube-apiserver", pkg: "k8s.io/kubernetes/cmd/kube-apiserver"},
		{name: "kubectl", pkg: "k8s.io/kubernetes/cmd/kubectl"},
		{name: "kube-controller-manager", pkg: "k8s.io/kubernetes/cmd/kube-controller-manager", optional: true},
	}
}

// node is what a machine needs besides, in order to run pods.
func node() []piece {
	return []piece{
		{name: "kubelet", pkg: "k8s.io/kubernetes/cmd/kubelet"},
		{name: "kube-proxy", pkg: "k8s.io/kubernetes/cmd/kube-proxy"},
		{name: "kube-scheduler", pkg: "k8s.io/kubernetes/cmd/kube-scheduler"},
		{name: "pause", pkg: module + "/pause"},
	}
}

// A build is everything that decides what the binaries are.
type build struct {
	pieces    []piece
	moduleDir string
	version   string // of Kubernetes, as "v1.37.2"
	flags     []string
	key       string // names the directory in the cache
}

// newBuild reads go.mod through the go command, so it must run inside this module.
// The key does not depend on the pieces: those that are asked for later join
// those that are there.
func newBuild(ctx context.Context, pieces []piece) (build, error) {
	dir, err := goList(ctx, "{{.Dir}}", module)
	if err != nil {
		return build{}, fmt.Errorf("this program builds from its own module, so run it as `go -C test/cluster run .`: %w", err)
	}
	version, err := goList(ctx, "{{.Version}}", "k8s.io/kubernetes")
	if err != nil {
		return build{}, fmt.Errorf("the Kubernetes version cannot be read from go.mod: %w", err)
	}
	flags, err := buildFlags(version)
	if err != nil {
		return build{}, err
	}
	key, err := cacheKey(os.DirFS(dir), version, flags)
	if err != nil {
		return build{}, err
	}
	return build{pieces: pieces, moduleDir: dir, version: version, flags: flags, key: key}, nil
}

// buildFlags stamps the version in, which Kubernetes would otherwise report as
// v0.0.0. There is no -trimpath: it would compile all of Kubernetes anew
// instead of sharing the compiled packages with other modules that need them.
func buildFlags(version string) ([]string, error) {
	major, rest, ok := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 {
		return nil, fmt.Errorf("k8s.io/kubernetes is at %q in go.mod; a release such as v1.37.2 is needed", version)
	}
	const stamp = " -X k8s.io/component-base/version."
	ldflags := "-s -w" + stamp + "gitVersion=" + version + stamp + "gitMajor=" + major + stamp + "gitMinor=" + minor
	return []string{"-buildvcs=false", "-ldflags", ldflags}, nil
}

// cacheKey is the version, for people, and a hash of whatever can change the
// binaries, for us.
func cacheKey(src fs.FS, version string, flags []string) (string, error) {
	h := sha256.New()
	for _, name := range []string{"go.mod", "go.sum", "etcd/main.go", "pause/main.go"} {
		data, err := fs.ReadFile(src, name)
		if err != nil {
			return "", fmt.Errorf("what decides the binaries cannot be read: %w", err)
		}
		fmt.Fprintf(h, "%s %d\n%s", name, len(data), data)
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

func goList(ctx context.Context, format, mod string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", format, mod)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go list -m %s: %w: %s", mod, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}
