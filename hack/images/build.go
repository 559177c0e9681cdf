// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/pillion-dev/pillion/hack/images/internal/oci"
)

const mib = 1 << 20

type buildOptions struct {
	source, out   string
	registry, tag string
	arch          string
	maxMiB        float64
}

// build writes one archive for each product, with an index of one image for each
// architecture.
func build(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o buildOptions
	flags := flag.NewFlagSet("build", flag.ContinueOnError)
	flags.StringVar(&o.source, "source", "../..", "root `DIR` of the repository to build")
	flags.StringVar(&o.out, "out", "../../bin/images", "`DIR` to write the archives to")
	flags.StringVar(&o.registry, "registry", defaultRegistry, "`HOST/PREFIX` in the images' names")
	flags.StringVar(&o.tag, "tag", defaultTag, "`TAG` in the images' names")
	flags.StringVar(&o.arch, "arch", "amd64,arm64", "`LIST` of architectures")
	flags.Float64Var(&o.maxMiB, "max-mib", 28, "largest uncompressed size of an image in `MiB`")
	if err := parse(flags, args, stderr); err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return fmt.Errorf("the output directory cannot be made: %w", err)
	}
	var built []row
	var tooLarge error
	for _, p := range products() {
		rows, err := buildProduct(ctx, p, o)
		if err != nil {
			return err
		}
		for _, r := range rows {
			tooLarge = errors.Join(tooLarge, r.check(o.maxMiB))
		}
		built = append(built, rows...)
	}
	return errors.Join(printTable(stdout, built), tooLarge)
}

func buildProduct(ctx context.Context, p product, o buildOptions) ([]row, error) {
	ref, err := reference(o.registry, p.name, o.tag, false)
	if err != nil {
		return nil, err
	}
	var images []v1.Image
	var labels map[string]string
	for arch := range strings.SplitSeq(o.arch, ",") {
		img, l, err := p.image(ctx, o.source, arch)
		if err != nil {
			return nil, err
		}
		images, labels = append(images, img), l
	}
	index, err := oci.Index(images, labels)
	if err != nil {
		return nil, err
	}
	rows, err := describe(ref, index)
	if err != nil {
		return nil, err
	}
	return rows, oci.WriteIndex(filepath.Join(o.out, p.archive()), ref, index)
}
