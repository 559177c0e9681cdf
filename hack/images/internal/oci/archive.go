// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/pillion-dev/pillion/hack/images/internal/layer"
)

// annotations under which runtimes look for the name of an image in an archive:
// the first holds the tag and is the specification's, the second the whole
// reference and is containerd's; podman and Docker read it as well.
const (
	refName   = "org.opencontainers.image.ref.name"
	imageName = "io.containerd.image.name"
)

// WriteIndex writes an archive that holds index under the name ref.
func WriteIndex(file string, ref name.Tag, index v1.ImageIndex) error {
	return write(file, func(dir layout.Path) error { return dir.AppendIndex(index, named(ref)) })
}

// WriteImage writes an archive that holds one image under the name ref.
func WriteImage(file string, ref name.Tag, img v1.Image) error {
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	return write(file, func(dir layout.Path) error {
		return dir.AppendImage(img, named(ref), layout.WithPlatform(*config.Platform()))
	})
}

func named(ref name.Tag) layout.Option {
	return layout.WithAnnotations(map[string]string{refName: ref.TagStr(), imageName: ref.Name()})
}

// write lays out a directory with what add puts into it, and archives it. A
// reader of file sees the old archive or the new one.
func write(file string, add func(layout.Path) error) error {
	work, err := os.MkdirTemp(filepath.Dir(file), ".archive-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	dir := filepath.Join(work, "layout")
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	if err := add(path); err != nil {
		return err
	}
	archive := filepath.Join(work, "archive")
	if err := pack(archive, dir); err != nil {
		return err
	}
	return os.Rename(archive, file)
}

func pack(archive, dir string) error {
	files, err := layer.Directory(dir, nil)
	if err != nil {
		return err
	}
	for i, f := range files { // whatever the umask made of them
		files[i].Mode = f.Mode.Type() | 0o644
		if f.Mode.IsDir() {
			files[i].Mode = f.Mode.Type() | 0o755
		}
	}
	out, err := os.Create(archive)
	if err != nil {
		return err
	}
	return errors.Join(layer.Write(out, files, time.Unix(0, 0)), out.Close())
}

// Open unpacks the archive file into dir, which must be empty and must outlive the
// result, and returns what is in it.
func Open(file, dir string) (v1.ImageIndex, error) {
	if err := unpack(file, dir); err != nil {
		return nil, fmt.Errorf("%s cannot be unpacked: %w", file, err)
	}
	content, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, fmt.Errorf("%s is not an OCI archive: %w", file, err)
	}
	return content, nil
}

// OpenIndex is Open for an archive that WriteIndex made: it returns that index.
func OpenIndex(file, dir string) (v1.ImageIndex, error) {
	content, err := Open(file, dir)
	if err != nil {
		return nil, err
	}
	manifest, err := content.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("%s is not an OCI archive: %w", file, err)
	}
	if len(manifest.Manifests) != 1 || !manifest.Manifests[0].MediaType.IsIndex() {
		return nil, fmt.Errorf("%s holds something else than one index; build it with the command build", file)
	}
	return content.ImageIndex(manifest.Manifests[0].Digest)
}

func unpack(file, dir string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	root, err := os.OpenRoot(dir) // rejects names that leave it
	if err != nil {
		return err
	}
	defer root.Close()
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := unpackEntry(root, h, r); err != nil {
			return err
		}
	}
}

func unpackEntry(root *os.Root, h *tar.Header, content io.Reader) error {
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(filepath.Clean(h.Name), 0o755)
	case tar.TypeReg:
		out, err := root.Create(h.Name)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, content)
		return errors.Join(err, out.Close())
	default:
		return fmt.Errorf("%s is neither a file nor a directory", h.Name)
	}
}
