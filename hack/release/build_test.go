// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

func buildRelease(t *testing.T, registry string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "v0.1.0-rc.1")
	call(t, "build", "--version", "v0.1.0-rc.1", "--source", fixture(t, "v0.1.0-rc.1"), "--out", out, "--registry", registry)
	return out
}

// The steps share one release, and the last ones add to it.
//
//nolint:paralleltest // a step sets the password of its key in the environment
func TestARelease(t *testing.T) {
	registry := serve(t) + "/acme"
	dir := buildRelease(t, registry)
	for _, step := range []struct {
		name string
		run  func(t *testing.T, dir string)
	}{
		{"is the same files when it is built again", func(t *testing.T, dir string) { sameFiles(t, dir, buildRelease(t, registry)) }},
		{"has these files", hasFiles},
		{"has the checksums of all its files", checksumsFit},
		{"has archives with a program and the license", archivesHold},
		{"has bills of materials", billsFit},
		{"has a krew manifest that finds each program", pluginFits},
		{"has a provenance that names the commit and all that was made", provenanceFits},
		{"has manifests with images by digest", manifestsArePinned},
		{"installs from the registry by digest", installsFromTheRegistry},
		{"is what helm pulls by digest", helmPulls},
		{"never replaces what is there", neverReplaces},
		{"has signatures that cosign verifies", signaturesVerify},
	} {
		t.Run(step.name, func(t *testing.T) { step.run(t, dir) })
	}
}

// files are the contents of a directory by name.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, e := range entries {
		all[e.Name()] = read(t, dir, e.Name())
	}
	return all
}

func sameFiles(t *testing.T, a, b string) {
	first, second := files(t, a), files(t, b)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(first)), slices.Sorted(maps.Keys(second))); diff != "" {
		t.Errorf("names (-first +second):\n%s", diff)
	}
	for name := range first {
		if !bytes.Equal(first[name], second[name]) {
			t.Errorf("%s: two builds differ", name)
		}
	}
}

func hasFiles(t *testing.T, dir string) {
	want := []string{
		"SHA256SUMS", "images.txt", "install-without-cert-manager.yaml", "install.yaml", "pillion-0.1.0-rc.1.tgz", "pillion.yaml", "provenance.json",
		"pillion-certificates.tar", "pillion-helper.tar", "pillion-kubectl.tar", "pillion-webhook.tar",
	}
	for _, arch := range []string{"amd64", "arm64"} {
		for _, program := range []string{
			"kubectl-pillion_v0.1.0-rc.1_darwin_", "kubectl-pillion_v0.1.0-rc.1_linux_",
			"pillion-certificates_v0.1.0-rc.1_linux_", "pillion-helper_v0.1.0-rc.1_linux_", "pillion-webhook_v0.1.0-rc.1_linux_",
		} {
			want = append(want, program+arch+".tar.gz", program+arch+".cdx.json")
		}
		want = append(want, "kubectl-pillion_v0.1.0-rc.1_windows_"+arch+".zip", "kubectl-pillion_v0.1.0-rc.1_windows_"+arch+".cdx.json")
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(files(t, dir)))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func checksumsFit(t *testing.T, dir string) {
	all := files(t, dir)
	want := map[string]string{}
	for name, content := range all {
		hash := sha256.Sum256(content)
		want[name] = hex.EncodeToString(hash[:])
	}
	delete(want, "SHA256SUMS")
	got := map[string]string{}
	for line := range strings.Lines(string(all["SHA256SUMS"])) {
		hash, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		got[name] = hash
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checksums (-want +got):\n%s", diff)
	}
}

// unpacked are the modes of an archive's files by name.
func unpacked(t *testing.T, file string) map[string]os.FileMode {
	t.Helper()
	got := map[string]os.FileMode{}
	content := read(t, file)
	if strings.HasSuffix(file, ".zip") {
		r, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.File {
			got[f.Name] = f.Mode()
		}
		return got
	}
	decompressed, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(decompressed); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(when) {
			t.Errorf("%s: %s is of %s, want the commit's time", file, h.Name, h.ModTime)
		}
		got[h.Name] = h.FileInfo().Mode()
	}
}

func archivesHold(t *testing.T, dir string) {
	for archive, program := range map[string]string{
		"kubectl-pillion_v0.1.0-rc.1_darwin_arm64.tar.gz": "kubectl-pillion",
		"kubectl-pillion_v0.1.0-rc.1_windows_amd64.zip":   "kubectl-pillion.exe",
		"pillion-helper_v0.1.0-rc.1_linux_amd64.tar.gz":   "pillion-helper",
	} {
		want := map[string]os.FileMode{"LICENSE": 0o644, program: 0o755}
		if diff := cmp.Diff(want, unpacked(t, filepath.Join(dir, archive))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", archive, diff)
		}
	}
}

func billsFit(t *testing.T, dir string) {
	var bom cdx.BOM
	text := read(t, dir, "pillion-webhook_v0.1.0-rc.1_linux_arm64.cdx.json")
	if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	c := bom.Metadata.Component
	got := []string{c.Name, c.Version, bom.Metadata.Timestamp, (*bom.Components)[0].Name}
	if diff := cmp.Diff([]string{"pillion-webhook", "v0.1.0-rc.1", "2026-01-02T03:04:05Z", "std"}, got); diff != "" {
		t.Errorf("component and the first of what it is made of (-want +got):\n%s", diff)
	}
}

func pluginFits(t *testing.T, dir string) {
	var p plugin
	if err := yaml.UnmarshalStrict(read(t, dir, "pillion.yaml"), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Spec.Platforms) != 6 {
		t.Errorf("%d platforms, want 6", len(p.Spec.Platforms))
	}
	for _, platform := range p.Spec.Platforms {
		const prefix = "https://github.com/pillion-dev/pillion/releases/download/v0.1.0-rc.1/"
		name, found := strings.CutPrefix(platform.URI, prefix)
		if !found {
			t.Errorf("%s is not below %s", platform.URI, prefix)
			continue
		}
		labels := platform.Selector.MatchLabels
		if !strings.Contains(name, "_"+labels["os"]+"_"+labels["arch"]+".") {
			t.Errorf("%s is for %v", name, labels)
		}
		hash := sha256.Sum256(read(t, dir, name))
		if got := hex.EncodeToString(hash[:]); got != platform.SHA256 {
			t.Errorf("%s: sha256 %s, the manifest says %s", name, got, platform.SHA256)
		}
		if _, found := unpacked(t, filepath.Join(dir, name))[platform.Bin]; !found {
			t.Errorf("%s has no %s", name, platform.Bin)
		}
	}
}

func provenanceFits(t *testing.T, dir string) {
	var s statement
	if err := json.Unmarshal(read(t, dir, "provenance.json"), &s); err != nil {
		t.Fatal(err)
	}
	source := s.Predicate.BuildDefinition.ResolvedDependencies[0]
	if want := "git+https://github.com/pillion-dev/pillion@refs/tags/v0.1.0-rc.1"; source.URI != want || len(source.Digest["gitCommit"]) != 40 {
		t.Errorf("source %v, want %s with a commit", source, want)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(read(t, dir, "SHA256SUMS"))) {
		hash, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		want[name] = hash
	}
	delete(want, "provenance.json")
	for line := range strings.Lines(string(read(t, dir, "images.txt"))) {
		ref, digest, _ := strings.Cut(strings.TrimSpace(line), "@sha256:")
		want[ref[:strings.LastIndex(ref, ":")]] = digest
	}
	got := map[string]string{}
	for _, subject := range s.Subject {
		got[subject.Name] = subject.Digest["sha256"]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("subjects (-want +got):\n%s", diff)
	}
}

func manifestsArePinned(t *testing.T, dir string) {
	pinned := strings.Fields(string(read(t, dir, "images.txt")))
	for name, images := range map[string][]string{
		"install.yaml":                      {"pillion-webhook", "pillion-helper"},
		"install-without-cert-manager.yaml": {"pillion-webhook", "pillion-helper", "pillion-certificates"},
	} {
		text := string(read(t, dir, name))
		for _, image := range images {
			i := slices.IndexFunc(pinned, func(s string) bool { return strings.Contains(s, "/acme/"+image+":v0.1.0-rc.1@sha256:") })
			if i < 0 || !strings.Contains(text, pinned[i]) {
				t.Errorf("%s does not name %s by its digest", name, image)
			}
		}
		for line := range strings.Lines(text) {
			if strings.Contains(line, "/pillion-") && strings.Contains(line, ":v0.1.0") && !strings.Contains(line, "@sha256:") {
				t.Errorf("%s: an image without its digest: %s", name, line)
			}
			if strings.Contains(line, "ghcr.io") || strings.Contains(line, "helm.sh/hook") {
				t.Errorf("%s: %s", name, line)
			}
		}
		if got := strings.Count(text, "\nkind: Namespace\n"); got != 1 {
			t.Errorf("%s: %d Namespaces, want 1", name, got)
		}
		for document := range strings.SplitSeq(text, "\n---\n") {
			var object map[string]any
			if err := yaml.UnmarshalStrict([]byte(document), &object); err != nil || object["kind"] == nil {
				t.Errorf("%s: error %v in\n%s", name, err, document)
			}
		}
	}
}
