// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"debug/buildinfo"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/pillion-dev/pillion/hack/images/internal/fixture"
)

func TestProgramsAreForTheMachinesOfTheirUsers(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "programs")
	call(t, "programs", "--source", fixture.Repository(t), "--out", out)
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		info, err := buildinfo.ReadFile(filepath.Join(out, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		platform := map[string]string{}
		for _, s := range info.Settings {
			platform[s.Key] = s.Value
		}
		got[e.Name()] = info.Path + " " + platform["GOOS"] + "/" + platform["GOARCH"]
	}
	want := map[string]string{
		"kubectl-pillion_darwin_amd64":      "example.com/fixture/cmd/kubectl-pillion darwin/amd64",
		"kubectl-pillion_darwin_arm64":      "example.com/fixture/cmd/kubectl-pillion darwin/arm64",
		"kubectl-pillion_linux_amd64":       "example.com/fixture/cmd/kubectl-pillion linux/amd64",
		"kubectl-pillion_linux_arm64":       "example.com/fixture/cmd/kubectl-pillion linux/arm64",
		"kubectl-pillion_windows_amd64.exe": "example.com/fixture/cmd/kubectl-pillion windows/amd64",
		"kubectl-pillion_windows_arm64.exe": "example.com/fixture/cmd/kubectl-pillion windows/arm64",
		"pillion-certificates_linux_amd64":  "example.com/fixture/cmd/certificates linux/amd64",
		"pillion-certificates_linux_arm64":  "example.com/fixture/cmd/certificates linux/arm64",
		"pillion-helper_linux_amd64":        "example.com/fixture/cmd/helper linux/amd64",
		"pillion-helper_linux_arm64":        "example.com/fixture/cmd/helper linux/arm64",
		"pillion-webhook_linux_amd64":       "example.com/fixture/cmd/webhook linux/amd64",
		"pillion-webhook_linux_arm64":       "example.com/fixture/cmd/webhook linux/arm64",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
}

func TestAProgramIsTheOneOfItsImage(t *testing.T) {
	t.Parallel()
	source, out := fixture.Repository(t), t.TempDir()
	call(t, "build", "--source", source, "--out", out, "--arch", "arm64")
	call(t, "programs", "--source", source, "--out", out)
	for image, program := range map[string]string{"pillion-kubectl": "kubectl-pillion_linux_arm64", "pillion-helper": "pillion-helper_linux_arm64"} {
		alone, err := os.ReadFile(filepath.Join(out, program))
		if err != nil {
			t.Fatal(err)
		}
		inside := content(t, imagesOf(t, readArchive(t, filepath.Join(out, image+".tar")))[0], image)
		if !bytes.Equal(alone, inside) {
			t.Errorf("%s is not /%s of the image", program, image)
		}
	}
}

// content is that of one file of an image.
func content(t *testing.T, img v1.Image, name string) []byte {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer unpacked.Close()
	for r := tar.NewReader(unpacked); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			t.Fatalf("the image has no %s", name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Name == name {
			all, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
	}
}
