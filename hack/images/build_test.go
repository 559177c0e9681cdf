// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/pillion-dev/pillion/hack/images/internal/fixture"
	"github.com/pillion-dev/pillion/hack/images/internal/oci"
)

// call runs a command line that must succeed and returns what it printed.
func call(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), args, &stdout, &stderr); status != 0 {
		t.Fatalf("images %v: exit status %d\n%s", args, status, stderr.String())
	}
	return stdout.String()
}

// built is a directory with the archives of a fixture.
func built(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "images")
	call(t, "build", "--source", fixture.Repository(t), "--out", out)
	return out
}

func readArchive(t *testing.T, file string) v1.ImageIndex {
	t.Helper()
	index, err := oci.OpenIndex(file, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func imagesOf(t *testing.T, index v1.ImageIndex) []v1.Image {
	t.Helper()
	images, err := oci.Images(index)
	if err != nil {
		t.Fatal(err)
	}
	return images
}

func TestTwoBuildsOfOneCommitAreTheSameArchives(t *testing.T) {
	t.Parallel()
	first, second := built(t), built(t)
	for _, name := range []string{"pillion-webhook.tar", "pillion-helper.tar", "pillion-certificates.tar", "pillion-kubectl.tar"} {
		a, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(second, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s: two builds differ", name)
		}
	}
}

func TestAnImageHoldsItsProgramAndWhatTheProgramNeeds(t *testing.T) {
	t.Parallel()
	dir := built(t)
	for _, name := range []string{"pillion-webhook", "pillion-helper", "pillion-certificates", "pillion-kubectl"} {
		index := readArchive(t, filepath.Join(dir, name+".tar"))
		if err := validate.Index(index); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for i, img := range imagesOf(t, index) {
			want := []string{
				"etc/ 0755 0:0",
				"etc/group 0644 0:0",
				"etc/passwd 0644 0:0",
				"etc/ssl/ 0755 0:0",
				"etc/ssl/certs/ 0755 0:0",
				"etc/ssl/certs/ca-certificates.crt 0644 0:0",
				name + " 0755 0:0",
			}
			if diff := cmp.Diff(want, entries(t, img)); diff != "" {
				t.Errorf("%s: files (-want +got):\n%s", name, diff)
			}
			config, err := img.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			if got, want := config.Platform().String(), []string{"linux/amd64", "linux/arm64"}[i]; got != want {
				t.Errorf("%s: platform %s, want %s", name, got, want)
			}
			if !config.Created.Equal(fixture.Time) {
				t.Errorf("%s: created %s, want the commit's %s", name, config.Created, fixture.Time)
			}
			checkConfig(t, name, config.Config)
		}
	}
}

// checkConfig compares everything but the version and the revision, which it
// wants to be there.
func checkConfig(t *testing.T, name string, got v1.Config) {
	t.Helper()
	const prefix = "org.opencontainers.image."
	for _, label := range []string{"version", "revision"} {
		if got.Labels[prefix+label] == "" {
			t.Errorf("%s: no label %s", name, prefix+label)
		}
		delete(got.Labels, prefix+label)
	}
	all := products()
	p := all[slices.IndexFunc(all, func(p product) bool { return p.name == name })]
	want := v1.Config{
		Entrypoint: []string{"/" + name},
		User:       "65532:65532",
		WorkingDir: "/",
		Labels: map[string]string{
			prefix + "title":       p.title,
			prefix + "description": p.description,
			prefix + "source":      "https://github.com/pillion-dev/pillion",
			prefix + "licenses":    "Apache-2.0",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: config (-want +got):\n%s", name, diff)
	}
}

func entries(t *testing.T, img v1.Image) []string {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range layers {
		content, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		defer content.Close()
		for r := tar.NewReader(content); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, fmt.Sprintf("%s %04o %d:%d", h.Name, h.Mode, h.Uid, h.Gid))
		}
	}
	return names
}

func TestBuildPrintsATable(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	text := call(t, "build", "--source", fixture.Repository(t), "--out", out, "--registry", "127.0.0.1:5000/x", "--tag", "dev", "--arch", "arm64")
	digest, err := imagesOf(t, readArchive(t, filepath.Join(out, "pillion-helper.tar")))[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != 1+2*len(products()) {
		t.Fatalf("%d lines, want a heading, and an index and an image for each program:\n%s", len(lines), text)
	}
	fields := strings.Fields(lines[4])
	want := []string{"127.0.0.1:5000/x/pillion-helper:dev", "linux/arm64", fields[2], digest.String()}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("line of the helper (-want +got):\n%s", diff)
	}
}

func TestAnImageThatGrewTooLargeIsAnError(t *testing.T) {
	t.Parallel()
	args := []string{"build", "--source", fixture.Repository(t), "--out", t.TempDir(), "--arch", "amd64", "--max-mib", "0.5"}
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), args, &stdout, &stderr)
	for _, name := range []string{"pillion-webhook", "pillion-helper", "pillion-certificates", "pillion-kubectl"} {
		start := "ghcr.io/pillion-dev/" + name + ":v0.1.0 for linux/amd64 is "
		const end = " MiB uncompressed and must not be more than 0.5; find out what made it grow, or raise --max-mib\n"
		if status != 1 || !strings.Contains(stderr.String(), start) || !strings.HasSuffix(stderr.String(), end) {
			t.Errorf("exit status %d, want 1 and %q, %q:\n%s", status, start, end, stderr.String())
		}
	}
	if !strings.Contains(stdout.String(), "linux/amd64") {
		t.Errorf("the table is missing:\n%s", stdout.String())
	}
}
