// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// files are laid over what the packages bring.
//
//go:embed files
var files embed.FS

// skeleton makes the directories that no package brings.
func skeleton(root string) error {
	for dir, mode := range map[string]fs.FileMode{
		"home/git":      0o755,
		"run/sshd":      0o755, // sshd's empty directory, which must be root's alone
		"srv/git":       0o755,
		"tmp":           fs.ModeSticky | 0o777,
		"usr/local/bin": 0o755,
		"var/lib/nginx": 0o755,
		"var/log/nginx": 0o755,
	} {
		dir = filepath.Join(root, dir)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := os.Chmod(dir, mode); err != nil {
			return err
		}
	}
	for _, name := range merged() {
		if err := os.MkdirAll(filepath.Join(root, "usr", name), 0o755); err != nil {
			return err
		}
		if err := os.Symlink("usr/"+name, filepath.Join(root, name)); err != nil {
			return err
		}
	}
	// where git-sync's image has its program
	return os.Symlink("usr/local/bin/gitsync", filepath.Join(root, "git-sync"))
}

// owners are what does not belong to root, as hack/images wants it said. The
// numbers are those of files/etc/passwd.
func owners() []string {
	return []string{"/home/git=1000:1000", "/srv/git=1000:1000", "/var/lib/nginx=33:33", "/var/log/nginx=33:33"}
}

// linkApplets makes a link for each program that busybox is and nobody else
// brought.
func linkApplets(ctx context.Context, root string) error {
	bin := filepath.Join(root, "usr", "bin")
	list, err := output(exec.CommandContext(ctx, filepath.Join(bin, "busybox"), "--list"), nil)
	if err != nil {
		return err
	}
	for applet := range strings.FieldsSeq(list) {
		taken := false
		for _, dir := range []string{bin, filepath.Join(root, "usr", "sbin")} {
			if _, err := os.Lstat(filepath.Join(dir, applet)); err == nil {
				taken = true
			}
		}
		if taken {
			continue
		}
		if err := os.Symlink("busybox", filepath.Join(bin, applet)); err != nil {
			return err
		}
	}
	return nil
}

// ownFiles copies the directory files.
func ownFiles(root string) error {
	return fs.WalkDir(files, "files", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		target := filepath.Join(root, strings.TrimPrefix(name, "files/"))
		if err := os.MkdirAll(path.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
}

// helperFiles copies what the Dockerfiles of examples/helpers copy: the directories rootfs.
func helperFiles(root, repository string) error {
	trees, err := filepath.Glob(filepath.Join(repository, "examples", "helpers", "*", "rootfs"))
	if err != nil {
		return err
	}
	for _, tree := range trees {
		if err := os.CopyFS(root, os.DirFS(tree)); err != nil {
			return err
		}
	}
	return nil
}

// ownPrograms compiles the programs of test/e2e/cmd into /usr/local/bin.
func ownPrograms(ctx context.Context, root, repository string) error {
	sources, err := filepath.Glob(filepath.Join(repository, "test", "e2e", "cmd", "*", "*.go"))
	if err != nil || len(sources) == 0 {
		return err
	}
	bin := filepath.Join(root, "usr", "local", "bin") + "/"
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", bin, "./test/e2e/cmd/...")
	cmd.Dir = repository
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if _, err := output(cmd, nil); err != nil {
		return fmt.Errorf("the programs of test/e2e/cmd do not build: %w", err)
	}
	return nil
}
