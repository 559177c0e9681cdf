// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/pillion-dev/pillion/hack/images/internal/oci"
)

// A row describes one image, or an index of them, in what the commands print.
type row struct {
	image    string
	platform string // "" for an index
	mib      float64
	digest   v1.Hash
}

func (r row) isIndex() bool { return r.platform == "" }

// describe has one row for the index and one for each of its images.
func describe(ref name.Tag, index v1.ImageIndex) ([]row, error) {
	digest, err := index.Digest()
	if err != nil {
		return nil, err
	}
	images, err := oci.Images(index)
	if err != nil {
		return nil, err
	}
	rows := []row{{image: ref.Name(), digest: digest}}
	for _, img := range images {
		r, err := describeImage(ref, img)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func describeImage(ref name.Tag, img v1.Image) (row, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return row{}, err
	}
	size, err := oci.Size(img)
	if err != nil {
		return row{}, err
	}
	digest, err := img.Digest()
	return row{image: ref.Name(), platform: config.Platform().String(), mib: float64(size) / mib, digest: digest}, err
}

// check is an error if a node would have to unpack more than limit MiB.
func (r row) check(limit float64) error {
	if r.isIndex() || r.mib <= limit {
		return nil
	}
	return fmt.Errorf("%s for %s is %.1f MiB uncompressed and must not be more than %.1f; find out what made it grow, or raise --max-mib",
		r.image, r.platform, r.mib, limit)
}

func printTable(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "IMAGE\tPLATFORM\tMiB\tDIGEST")
	for _, r := range rows {
		platform, size := r.platform, fmt.Sprintf("%.1f", r.mib)
		if r.isIndex() {
			platform, size = "index", "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.image, platform, size, r.digest)
	}
	return t.Flush()
}
