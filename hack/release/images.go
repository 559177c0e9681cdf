// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// imagesDir is the module that makes images, seen from this one.
const imagesDir = "../images"

// makeImages writes the OCI archives, each with one image per architecture.
func (r *release) makeImages(ctx context.Context, stderr io.Writer) error {
	table, err := runImages(ctx, r.environment(), "build", "--source", r.dir, "--out", r.out, "--registry", r.registry, "--tag", r.version)
	if err != nil {
		return err
	}
	fmt.Fprint(stderr, table)
	r.images, err = readTable(table)
	return err
}

// readTable reads what "images build" prints: a heading, and then for each image a line
// for its index and one for each platform.
func readTable(table string) ([]image, error) {
	var images []image
	for _, line := range strings.Split(strings.TrimSpace(table), "\n")[1:] {
		fields := strings.Fields(line) // reference, platform, size, digest
		if len(fields) != 4 || !strings.HasPrefix(fields[3], "sha256:") {
			return nil, fmt.Errorf("images build printed %q, want a reference, a platform, a size and a digest", line)
		}
		if fields[1] == "index" {
			images = append(images, image{ref: fields[0], digest: fields[3]})
		}
	}
	if len(images) == 0 {
		return nil, fmt.Errorf("images build printed no image:\n%s", table)
	}
	return images, nil
}

// environment makes everything in an image of the commit's time.
func (r *release) environment() []string {
	return []string{fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.time.Unix())}
}

// runImages returns what a command of hack/images prints. That is of the same commit as
// this program, whatever the source is.
func runImages(ctx context.Context, environment []string, args ...string) (string, error) {
	absolute, err := absoluteFlags(args, "--source", "--out", "--from")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"-C", imagesDir, "run", "."}, absolute...)...)
	cmd.Env = append(os.Environ(), environment...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("hack/images %s: %w\n%s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.String(), nil
}
