// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/pillion-dev/pillion/hack/images/internal/layer"
)

var when = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func spec(arch string) Spec {
	return Spec{
		Platform: v1.Platform{OS: "linux", Architecture: arch},
		Created:  when,
		Config:   v1.Config{Entrypoint: []string{"/tool"}, User: "65532:65532"},
	}
}

func testIndex(t *testing.T) v1.ImageIndex {
	t.Helper()
	var images []v1.Image
	for _, arch := range []string{"amd64", "arm64"} {
		content, err := Layer([]layer.File{layer.Regular("/tool", 0o755, []byte(arch))}, when, gzip.BestSpeed)
		if err != nil {
			t.Fatal(err)
		}
		img, err := Image(content, spec(arch))
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, img)
	}
	index, err := Index(images, map[string]string{"a": "b"})
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func testRef(t *testing.T) name.Tag {
	t.Helper()
	ref, err := name.NewTag("ghcr.io/acme/tool:v1")
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestAnIndexSurvivesItsArchive(t *testing.T) {
	t.Parallel()
	index := testIndex(t)
	file := filepath.Join(t.TempDir(), "tool.tar")
	if err := WriteIndex(file, testRef(t), index); err != nil {
		t.Fatal(err)
	}
	got, err := OpenIndex(file, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(got); err != nil {
		t.Error(err)
	}
	want, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if digest, err := got.Digest(); err != nil || digest != want {
		t.Errorf("digest %s and error %v, want %s", digest, err, want)
	}
	manifest, err := got.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, d := range manifest.Manifests {
		platforms = append(platforms, d.Platform.String()+" "+string(d.MediaType))
	}
	oci := " " + string(types.OCIManifestSchema1)
	if diff := cmp.Diff([]string{"linux/amd64" + oci, "linux/arm64" + oci}, platforms); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"a": "b"}, manifest.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}

func TestAnArchiveTellsRuntimesItsName(t *testing.T) {
	t.Parallel()
	content, err := Layer([]layer.File{layer.Regular("/tool", 0o755, []byte("x"))}, when, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	img, err := Image(content, spec("arm64"))
	if err != nil {
		t.Fatal(err)
	}
	for what, write := range map[string]func(string) error{
		"an index": func(file string) error { return WriteIndex(file, testRef(t), testIndex(t)) },
		"an image": func(file string) error { return WriteImage(file, testRef(t), img) },
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "tool.tar")
		if err := write(file); err != nil {
			t.Fatal(err)
		}
		outer, err := Open(file, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(outer); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		manifest, err := outer.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"io.containerd.image.name":          "ghcr.io/acme/tool:v1",
			"org.opencontainers.image.ref.name": "v1",
		}
		if diff := cmp.Diff(want, manifest.Manifests[0].Annotations); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("%s: writing left more than the archive behind: %v", what, left)
		}
	}
}

func TestAnImageIsCreatedWhenItIsSaid(t *testing.T) {
	t.Parallel()
	images, err := Images(testIndex(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, img := range images {
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if !config.Created.Equal(when) || !config.History[0].Created.Equal(when) {
			t.Errorf("created %s and %s, want %s", config.Created, config.History[0].Created, when)
		}
	}
}

func TestOpenIndexRejectsWhatIsNotOurArchive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	content, err := Layer([]layer.File{layer.Regular("/tool", 0o755, nil)}, when, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	img, err := Image(content, spec("amd64"))
	if err != nil {
		t.Fatal(err)
	}
	single, text, climbing, linking, other := filepath.Join(dir, "single"), filepath.Join(dir, "text"),
		filepath.Join(dir, "climbing"), filepath.Join(dir, "linking"), filepath.Join(dir, "other")
	if err := WriteImage(single, testRef(t), img); err != nil {
		t.Fatal(err)
	}
	writeFile(t, text, []byte(strings.Repeat("not a tar archive ", 100)))
	writeFile(t, climbing, archiveOf(t, &tar.Header{Typeflag: tar.TypeReg, Name: "../outside"}))
	writeFile(t, linking, archiveOf(t, &tar.Header{Typeflag: tar.TypeSymlink, Name: "blobs", Linkname: "/"}))
	writeFile(t, other, archiveOf(t, &tar.Header{Typeflag: tar.TypeReg, Name: "file"}))

	for file, want := range map[string]string{
		single:   single + " holds something else than one index; build it with the command build",
		text:     text + " cannot be unpacked: archive/tar: invalid tar header",
		climbing: climbing + " cannot be unpacked: openat ../outside: path escapes from parent",
		linking:  linking + " cannot be unpacked: blobs is neither a file nor a directory",
		other:    other + " is not an OCI archive: ",
	} {
		_, err := OpenIndex(file, t.TempDir())
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "outside")); err == nil {
		t.Error("a file was written outside")
	}
}

func archiveOf(t *testing.T, h *tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(h); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func writeFile(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
