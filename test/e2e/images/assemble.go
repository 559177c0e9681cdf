// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// assemble writes the image name to the file out.
func assemble(ctx context.Context, name, out string, stdout, progress io.Writer) error {
	start := time.Now()
	step := func(what string) {
		fmt.Fprintf(progress, "e2e/images: %5.1fs  %s\n", time.Since(start).Seconds(), what)
	}
	if err := requireDebian(); err != nil {
		return err
	}
	repository, err := repositoryRoot(ctx)
	if err != nil {
		return err
	}
	packages, err := fetchPackages(ctx)
	if err != nil {
		return err
	}
	step(fmt.Sprintf("%d packages are here", len(packages)))

	syscall.Umask(0o022) // the modes of the files here become those of the image
	work, err := os.MkdirTemp("", "pillion-e2e-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	root := filepath.Join(work, "rootfs")
	if err := fill(ctx, root, packages, repository); err != nil {
		return err
	}
	step("the root file system is complete")

	if err := pack(ctx, repository, root, name, out, stdout); err != nil {
		return err
	}
	step(out + " is written")
	return nil
}

// fill makes the image's root file system in the directory root.
func fill(ctx context.Context, root string, packages []string, repository string) error {
	if err := skeleton(root); err != nil {
		return err
	}
	for _, file := range packages {
		if err := extract(ctx, file, root); err != nil {
			return err
		}
	}
	if err := linkApplets(ctx, root); err != nil {
		return err
	}
	if err := ownFiles(root); err != nil {
		return err
	}
	if err := helperFiles(root, repository); err != nil {
		return err
	}
	if err := ownPrograms(ctx, root, repository); err != nil {
		return err
	}
	return checkLibraries(root)
}

// pack runs hack/images, which is a module of its own.
func pack(ctx context.Context, repository, root, name, out string, stdout io.Writer) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	args := []string{"-C", filepath.Join(repository, "hack", "images"), "run", ".", "pack", "--root", root, "--name", name, "--out", out}
	for _, o := range owners() {
		args = append(args, "--own", o)
	}
	_, err = output(exec.CommandContext(ctx, "go", args...), stdout)
	return err
}

func requireDebian() error {
	for _, tool := range []string{"apt-cache", "apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("the test image is made of Debian's packages, but there is no %s here; run this on Debian or Ubuntu, or in a container of one", tool)
		}
	}
	return nil
}

func repositoryRoot(ctx context.Context) (string, error) {
	mod, err := output(exec.CommandContext(ctx, "go", "env", "GOMOD"), nil)
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(strings.TrimSpace(mod))
	if _, err := os.Stat(filepath.Join(dir, "hack", "images", "go.mod")); err != nil {
		return "", fmt.Errorf("this must be run inside Pillion's repository: %w", err)
	}
	return dir, nil
}

// output runs cmd and returns what it printed, or prints it to w if that is not
// nil. The error has what cmd said was wrong.
func output(cmd *exec.Cmd, w io.Writer) (string, error) {
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if w != nil {
		cmd.Stdout = w
	}
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(stderr.String())
		return "", fmt.Errorf("%s: %w", strings.Join(cmd.Args[:min(3, len(cmd.Args))], " "), errors.Join(err, errors.New(said)))
	}
	return stdout.String(), nil
}
