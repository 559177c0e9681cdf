// SPDX-License-Identifier: Apache-2.0

// Package oci makes images in the formats of the Open Container Initiative, and
// writes and reads the archives in which they travel.
package oci

import (
	"bytes"
	"errors"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/pillion-dev/pillion/hack/images/internal/layer"
)

// Spec is what an image says besides its files.
type Spec struct {
	Platform v1.Platform
	Created  time.Time // to the second
	Config   v1.Config
}

// Layer packs files, all changed at the time modified, and compresses them with a
// level of compress/gzip.
func Layer(files []layer.File, modified time.Time, level int) (v1.Layer, error) {
	var tar bytes.Buffer
	if err := layer.Write(&tar, files, modified); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(tar.Bytes())), nil }
	return tarball.LayerFromOpener(open,
		tarball.WithMediaType(types.OCILayer),
		tarball.WithCompressionLevel(level),
		tarball.WithCompressedCaching,
	)
}

// Image is an image of one layer.
func Image(content v1.Layer, s Spec) (v1.Image, error) {
	created := v1.Time{Time: s.Created.UTC().Truncate(time.Second)}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.Append(base, mutate.Addendum{
		Layer:   content,
		History: v1.History{Created: created, CreatedBy: "hack/images"},
	})
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = s.Platform.OS, s.Platform.Architecture, s.Platform.Variant
	config.Created = created
	config.Config = s.Config
	return mutate.ConfigFile(img, config)
}

// Index joins the images of one program for several platforms.
func Index(images []v1.Image, annotations map[string]string) (v1.ImageIndex, error) {
	var adds []mutate.IndexAddendum
	for _, img := range images {
		config, err := img.ConfigFile()
		if err != nil {
			return nil, err
		}
		adds = append(adds, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: config.Platform()}})
	}
	bare := mutate.AppendManifests(empty.Index, adds...)
	index, ok := mutate.Annotations(bare, annotations).(v1.ImageIndex)
	if !ok {
		return nil, errors.New("go-containerregistry made something else of an index by annotating it")
	}
	return index, nil
}

// Images lists the images of an index in its order.
func Images(index v1.ImageIndex) ([]v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var images []v1.Image
	for _, d := range manifest.Manifests {
		img, err := index.Image(d.Digest)
		if err != nil {
			return nil, err
		}
		images = append(images, img)
	}
	return images, nil
}

// Size is how many bytes of layers a node unpacks for an image.
func Size(img v1.Image) (int64, error) {
	layers, err := img.Layers()
	if err != nil {
		return 0, err
	}
	var total int64
	for _, l := range layers {
		n, err := uncompressedSize(l)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

func uncompressedSize(l v1.Layer) (int64, error) {
	r, err := l.Uncompressed()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	return io.Copy(io.Discard, r)
}
