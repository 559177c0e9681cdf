// SPDX-License-Identifier: Apache-2.0

//go:build linux

package outside

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestTheImageHoldsTheProgram(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "any-name")
	if err := os.WriteFile(program, []byte("code"), 0o600); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "image.tar")
	if err := writeImage(archive, "example.test/pause:1", program); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	files := untar(t, data)

	var manifest []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(files["manifest.json"], &manifest); err != nil {
		t.Fatal(err)
	}
	if len(manifest) != 1 || len(manifest[0].Layers) != 1 || manifest[0].RepoTags[0] != "example.test/pause:1" {
		t.Fatalf("the manifest is %s", files["manifest.json"])
	}
	layer := files[manifest[0].Layers[0]]
	if got := untar(t, layer)["pause"]; string(got) != "code" {
		t.Errorf("the program is %q", got)
	}
	var settings struct {
		Config struct{ Entrypoint []string }
		Rootfs struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	if err := json.Unmarshal(files[manifest[0].Config], &settings); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("sha256:%x", sha256.Sum256(layer)); len(settings.Rootfs.DiffIDs) != 1 || settings.Rootfs.DiffIDs[0] != want {
		t.Errorf("the layers are %q, want %s", settings.Rootfs.DiffIDs, want)
	}
	if len(settings.Config.Entrypoint) != 1 || settings.Config.Entrypoint[0] != "/pause" {
		t.Errorf("the entry point is %q", settings.Config.Entrypoint)
	}
}

func untar(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}
