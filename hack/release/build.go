// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	repository      = "https://github.com/pillion-dev/pillion"
	defaultRegistry = "ghcr.io/pillion-dev"
	chartName       = "/charts/pillion" // below the registry's prefix
)

// A release is what is made of a source.
type release struct {
	source
	registry string // of the images and the chart, with a path: ghcr.io/pillion-dev
	out      string // directory of the files
	images   []image
	chart    image
}

// An image is one thing in the registry, by its tag and its digest.
type image struct {
	ref    string // HOST/PREFIX/NAME:TAG
	digest string // of the index, or of the chart's manifest: sha256:…
}

// repository is the reference without its tag.
func (i image) repository() string { return i.ref[:strings.LastIndex(i.ref, ":")] }

// isChart tells the chart from the images.
func (i image) isChart() bool { return strings.HasSuffix(i.repository(), chartName) }

// pinned is the reference that means these bytes and no others.
func (i image) pinned() string { return i.ref + "@" + i.digest }

// build writes the files of a release, and replaces an older directory of them.
func build(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("build", flag.ContinueOnError)
	version := flags.String("version", "", "`VERSION` to release, such as v0.1.0: a tag of the commit that is checked out")
	out := flags.String("out", "", "`DIR` to write the files to")
	dir := flags.String("source", "../..", "root `DIR` of the repository to release")
	registry := flags.String("registry", defaultRegistry, "`HOST/PREFIX` that the images and the chart will be pushed to")
	builder := flags.String("builder", repository+"/blob/main/docs/release.md#by-hand", "`URI` of what runs this, for the provenance")
	if err := parse(flags, args, stderr, "version", "out"); err != nil {
		return err
	}
	if err := replaceable(*out); err != nil {
		return err
	}
	s, err := openSource(ctx, *dir, *version)
	if err != nil {
		return err
	}
	// Beside the result, which is whole or not there.
	work := filepath.Clean(*out) + ".part"
	if err := os.RemoveAll(work); err != nil {
		return err
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return fmt.Errorf("the output directory cannot be made: %w", err)
	}
	defer os.RemoveAll(work)
	r := release{source: s, registry: strings.TrimSuffix(*registry, "/"), out: work}
	if err := r.make(ctx, *builder, stderr); err != nil {
		return err
	}
	if err := os.RemoveAll(*out); err != nil {
		return err
	}
	if err := os.Rename(work, *out); err != nil {
		return err
	}
	return list(stdout, *out)
}

// replaceable is an error for a directory with something else in it than a release.
func replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err == nil {
		_, err = os.Stat(filepath.Join(dir, checksums))
	}
	if err != nil {
		return fmt.Errorf("--out %s is there and is no release, so it is not replaced; name another directory: %w", dir, err)
	}
	return nil
}

func (r *release) make(ctx context.Context, builder string, stderr io.Writer) error {
	if err := r.makeImages(ctx, stderr); err != nil {
		return err
	}
	if err := r.makePrograms(ctx); err != nil {
		return err
	}
	for _, step := range []func() error{r.makeChart, r.makeManifests, r.makePlugin, r.makeImageList} {
		if err := step(); err != nil {
			return err
		}
	}
	if err := r.makeProvenance(builder); err != nil {
		return err
	}
	return r.makeChecksums()
}

func (r *release) write(name string, content []byte) error {
	return os.WriteFile(filepath.Join(r.out, name), content, 0o644)
}

// makeImageList lists what the registry gets. The command push reads it.
func (r *release) makeImageList() error {
	var text strings.Builder
	for _, i := range append(r.images, r.chart) {
		fmt.Fprintln(&text, i.pinned())
	}
	return r.write(imageList, []byte(text.String()))
}

// list prints the files of a directory and their sizes.
func list(w io.Writer, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%9d  %s\n", info.Size(), filepath.Join(dir, e.Name()))
	}
	return nil
}
