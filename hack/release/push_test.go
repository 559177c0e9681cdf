// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	helmregistry "helm.sh/helm/v4/pkg/registry"
)

// serve is a registry in memory; it returns its host and port.
func serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true)))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// reads an image reference in a manifest.
var imagePattern = regexp.MustCompile(`"?image"?: "?([^"\s]+)"?`)

// installsFromTheRegistry pushes a release, pulls its chart by digest as Helm does, and
// pulls all that the chart names.
func installsFromTheRegistry(t *testing.T, dir string) {
	list := string(read(t, dir, "images.txt"))
	for range 2 { // the second time, all is there
		if diff := cmp.Diff(list, call(t, "push", "--from", dir, "--unsigned")); diff != "" {
			t.Fatalf("output (-want +got):\n%s", diff)
		}
	}
	lines := strings.Fields(list)
	chart := lines[len(lines)-1]
	client, err := helmregistry.NewClient(helmregistry.ClientOptPlainHTTP())
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := client.Pull(chart)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "chart.tgz")
	if err := os.WriteFile(file, pulled.Chart.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := loader.LoadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if c.Metadata.Version != "0.1.0-rc.1" || c.Metadata.AppVersion != "v0.1.0-rc.1" {
		t.Errorf("version %s of %s, want 0.1.0-rc.1 of v0.1.0-rc.1", c.Metadata.Version, c.Metadata.AppVersion)
	}
	objects, err := manifests(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, match := range imagePattern.FindAllStringSubmatch(strings.Join(objects, "\n"), -1) {
		ref, err := name.NewDigest(match[1])
		if err != nil {
			t.Fatalf("%s is not by digest: %v", match[1], err)
		}
		index, err := remote.Index(ref)
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		var platforms []string
		for _, m := range manifest.Manifests {
			platforms = append(platforms, m.Platform.String())
		}
		if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
			t.Errorf("%s: platforms (-want +got):\n%s", ref, diff)
		}
		found[filepath.Base(ref.Context().RepositoryStr())] = true
	}
	if diff := cmp.Diff(map[string]bool{"pillion-webhook": true, "pillion-helper": true}, found); diff != "" {
		t.Errorf("images that an installation pulls (-want +got):\n%s", diff)
	}
}

// helmPulls renders the chart in the registry by its digest with the helm commands in HELM,
// which are those of "make test-release".
func helmPulls(t *testing.T, dir string) {
	helms := strings.Fields(os.Getenv("HELM"))
	if len(helms) == 0 {
		t.Skip("HELM is not set; make test-release sets it to the paths of Helm 3 and 4")
	}
	lines := strings.Fields(string(read(t, dir, "images.txt")))
	ref, digest, _ := strings.Cut(lines[len(lines)-1], "@")
	chart := "oci://" + ref[:strings.LastIndex(ref, ":")] + "@" + digest
	for _, helm := range helms {
		cmd := exec.CommandContext(t.Context(), helm, "template", "pillion", chart, "--namespace", "pillion-system", "--plain-http", "--kube-version", "1.37.0")
		cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+t.TempDir(), "HELM_CONFIG_HOME="+t.TempDir(), "HELM_DATA_HOME="+t.TempDir())
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", helm, err, stderr.String())
		}
		for _, image := range lines[:2] { // those of the default values
			if !strings.Contains(string(out), image) {
				t.Errorf("%s: %s is missing in:\n%s", helm, image, out)
			}
		}
	}
}

// neverReplaces tries to push a release where its version is already, with other content.
func neverReplaces(t *testing.T, dir string) {
	ref := strings.Fields(string(read(t, dir, "images.txt")))[0]
	tag, digest, _ := strings.Cut(ref, "@")
	other := filepath.Join(t.TempDir(), "release")
	if err := os.CopyFS(other, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(other, "images.txt"), []byte(tag+"@sha256:"+strings.Repeat("0", 64)+"\n"))
	want := "release push: " + tag + " is there already, with other content (" + digest + ", and not sha256:" + strings.Repeat("0", 64) + "); a version is never replaced: release a new one\n"
	if diff := cmp.Diff(want, rejected(t, "push", "--from", other, "--unsigned")); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// A verifier is a user with cosign and the public key.
type verifier struct {
	t           *testing.T
	cosign, key string
}

func (v verifier) run(args ...string) (string, error) {
	v.t.Helper()
	cmd := exec.CommandContext(v.t.Context(), v.cosign, append([]string{args[0], "--key", v.key + ".pub", "--insecure-ignore-tlog=true"}, args[1:]...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (v verifier) accepts(args ...string) {
	v.t.Helper()
	if out, err := v.run(args...); err != nil {
		v.t.Errorf("cosign %v: %v\n%s", args, err, out)
	}
}

func (v verifier) rejects(because string, args ...string) {
	v.t.Helper()
	if out, err := v.run(args...); err == nil || !strings.Contains(out, because) {
		v.t.Errorf("cosign %v: error %v, want one that says %q\n%s", args, err, because, out)
	}
}

// signaturesVerify signs with cosign and verifies with it, as docs/release.md tells users.
func signaturesVerify(t *testing.T, dir string) {
	v := newVerifier(t)
	call(t, "sign", "--from", dir, "--key", v.key+".key", "--cosign", v.cosign)
	sums, provenance := filepath.Join(dir, "SHA256SUMS"), filepath.Join(dir, "provenance.sigstore.json")
	v.accepts("verify-blob", "--bundle", sums+".sigstore.json", sums)
	program := filepath.Join(dir, "kubectl-pillion_v0.1.0-rc.1_linux_amd64.tar.gz")
	v.accepts("verify-blob-attestation", "--type", "slsaprovenance1", "--bundle", provenance, program)
	changed := filepath.Join(t.TempDir(), "changed")
	put(t, changed, append(read(t, sums), '\n'))
	v.rejects("", "verify-blob", "--bundle", sums+".sigstore.json", changed)
	v.rejects("", "verify-blob-attestation", "--type", "slsaprovenance1", "--bundle", provenance, changed)

	call(t, "push", "--from", dir, "--key", v.key+".key", "--cosign", v.cosign)
	for ref := range strings.FieldsSeq(string(read(t, dir, "images.txt"))) {
		v.accepts("verify", ref)
		v.accepts("verify-attestation", "--type", "slsaprovenance1", ref)
	}
	images, err := readImages(dir)
	if err != nil {
		t.Fatal(err)
	}
	platforms, err := images[0].platforms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, digest := range platforms {
		one := images[0].repository() + "@" + digest
		v.accepts("verify", one)
		v.accepts("verify-attestation", "--type", "cyclonedx", one)
	}
	v.rejects("no signatures found", "verify", changedImage(t, images[0].pinned()))
}

// newVerifier has a new key. COSIGN is the program; it takes ten minutes to build, so
// "make test" does without and "make test-release" does not.
func newVerifier(t *testing.T) verifier {
	cosign := os.Getenv("COSIGN")
	if cosign == "" {
		t.Skip("COSIGN is not set; make test-release builds cosign, and sets it")
	}
	t.Setenv("COSIGN_PASSWORD", "for this test alone")
	v := verifier{t: t, cosign: cosign, key: filepath.Join(t.TempDir(), "cosign")}
	if out, err := exec.CommandContext(t.Context(), cosign, "generate-key-pair", "--output-key-prefix", v.key).CombinedOutput(); err != nil {
		t.Fatalf("cosign generate-key-pair: %v\n%s", err, out)
	}
	return v
}

// changedImage puts another image into the repository of a signed one.
func changedImage(t *testing.T, ref string) string {
	t.Helper()
	digest, err := name.NewDigest(ref)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(digest)
	if err != nil {
		t.Fatal(err)
	}
	evil := mutate.AppendManifests(index, mutate.IndexAddendum{Add: empty.Image})
	hash, err := evil.Digest()
	if err != nil {
		t.Fatal(err)
	}
	changed := digest.Context().Digest(hash.String())
	if err := remote.WriteIndex(changed, evil); err != nil {
		t.Fatal(err)
	}
	return changed.String()
}
