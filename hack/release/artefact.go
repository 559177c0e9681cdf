// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	helmregistry "helm.sh/helm/v4/pkg/registry"
)

// artefact is a chart's archive as a registry has it, the same each time. Helm's own push
// would do, if the digest were not needed before there is a registry.
func artefact(file string) (v1.Image, error) {
	tgz, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c, err := loader.LoadArchive(bytes.NewReader(tgz))
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(c.Metadata)
	if err != nil {
		return nil, err
	}
	a := &chartImage{config: config, layer: static.NewLayer(tgz, helmregistry.ChartLayerMediaType)}
	configDigest, configSize, err := v1.SHA256(bytes.NewReader(config))
	if err != nil {
		return nil, err
	}
	layer, err := partial.Descriptor(a.layer)
	if err != nil {
		return nil, err
	}
	const prefix = "org.opencontainers.image."
	a.manifest, err = json.Marshal(v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		Config:        v1.Descriptor{MediaType: helmregistry.ConfigMediaType, Digest: configDigest, Size: configSize},
		Layers:        []v1.Descriptor{*layer},
		Annotations: map[string]string{
			prefix + "title":       c.Metadata.Name,
			prefix + "version":     c.Metadata.Version,
			prefix + "description": c.Metadata.Description,
			prefix + "source":      repository,
			prefix + "licenses":    "Apache-2.0",
			prefix + "created":     c.ModTime.UTC().Format(time.RFC3339),
		},
	})
	if err != nil {
		return nil, err
	}
	return partial.CompressedToImage(a)
}

// A chartImage is an image whose one layer is the chart's archive.
type chartImage struct {
	config, manifest []byte
	layer            v1.Layer
}

func (c *chartImage) RawConfigFile() ([]byte, error)      { return c.config, nil }
func (c *chartImage) RawManifest() ([]byte, error)        { return c.manifest, nil }
func (c *chartImage) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
func (c *chartImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	digest, err := c.layer.Digest()
	if err != nil {
		return nil, err
	}
	if h != digest {
		return nil, fmt.Errorf("a chart has one layer, %s, and not %s", digest, h)
	}
	return c.layer, nil
}
