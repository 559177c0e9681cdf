// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// TestReleases makes two releases of the last commit as `make release` does, pushes them to a
// registry, and installs the first by the digest of its chart. Under load it upgrades to the second and
// rolls back. The nodes have no image of Pillion, so they pull each by the digest that the chart
// names. With COSIGN, a program, the releases are signed, and the signatures verified before they are used.
func TestReleases(t *testing.T) {
	p := newPublisher(t, serveRegistry(t)+"/pillion")
	previous, next := p.publish("rc.1"), p.publish("rc.2")
	makeNamespace(t, namespace, "pod-security.kubernetes.io/enforce=restricted", "pod-security.kubernetes.io/warn=restricted")
	apps := makeNamespace(t, "apps")
	h := newHelm(t, suite.helm4)
	h.Cleanup(func() { h.uninstall(context.Background()) })
	flags := []string{"--plain-http", "--values", h.file(baseValues().with(byJob())), "--wait", "--timeout", "8m"}

	start := time.Now()
	h.must(append([]string{"install", release, previous.chart()}, flags...)...)
	first, _ := awaitPod(t, apps, start)
	t.Logf("helm install from the registry: the first pod has its helper %s after its start", first)
	runAsking(t, apps, "first")
	previous.mustServe(t, apps, "first")
	awaitPod(t, "default", time.Now()) // where helm test creates pods
	h.testPasses()

	l := startLoad(t, apps)
	l.more(t)
	l.faultless(t, "before the upgrade")
	h.must(append([]string{"upgrade", release, next.chart()}, flags...)...)
	awaitSettled(t, 2)
	l.faultless(t, "helm upgrade to the next release, until the last previous replica has ended")
	runAsking(t, apps, "second")
	next.mustServe(t, apps, "second")
	previous.mustHelp(t, apps, "first") // as it was injected

	l.phase()
	h.must("rollback", release, "1", "--wait", "--timeout", "8m")
	awaitSettled(t, 2)
	l.faultless(t, "helm rollback to the previous release, until the last previous replica has ended")
	runAsking(t, apps, "third")
	previous.mustServe(t, apps, "third")
}

// A publisher makes releases of a clone of this repository, because a release is of a tag.
type publisher struct {
	*testing.T
	clone       string
	registry    string // with a path
	cosign, key string // or ""
}

func newPublisher(t *testing.T, registry string) publisher {
	t.Helper()
	p := publisher{T: t, clone: filepath.Join(t.TempDir(), "pillion"), registry: registry, cosign: os.Getenv("COSIGN")}
	if _, err := command(t.Context(), "git", "clone", "--quiet", root, p.clone); err != nil {
		t.Fatal(err)
	}
	if p.cosign == "" {
		t.Log("COSIGN is not set, so the releases are not signed")
		return p
	}
	t.Setenv("COSIGN_PASSWORD", "for this test alone")
	p.key = filepath.Join(t.TempDir(), "cosign")
	if _, err := command(t.Context(), p.cosign, "generate-key-pair", "--output-key-prefix", p.key); err != nil {
		t.Fatal(err)
	}
	return p
}

// publish makes a candidate of the version that the chart has, and pushes it.
func (p publisher) publish(candidate string) publication {
	p.Helper()
	var chart struct{ AppVersion string }
	text, err := os.ReadFile(filepath.Join(p.clone, "charts", "pillion", "Chart.yaml"))
	if err = errors.Join(err, yaml.Unmarshal(text, &chart)); err != nil {
		p.Fatal(err)
	}
	version, start := chart.AppVersion+"-"+candidate, time.Now()
	out := filepath.Join(p.clone, "bin", "release", version)
	sign := []string{"--unsigned"}
	if p.cosign != "" {
		sign = []string{"--cosign", p.cosign, "--key", p.key + ".key"}
	}
	for _, args := range [][]string{
		{"git", "-C", p.clone, "-c", "user.name=test", "-c", "user.email=test@pillion.test", "commit", "--quiet", "--allow-empty", "--message", version},
		{"git", "-C", p.clone, "tag", version},
		{"make", "-C", p.clone, "release", "VERSION=" + version, "REGISTRY=" + p.registry},
		append([]string{"go", "-C", filepath.Join(root, "hack", "release"), "run", ".", "push", "--from", out}, sign...),
	} {
		if _, err := command(p.Context(), args[0], args[1:]...); err != nil {
			p.Fatal(err)
		}
	}
	p.Logf("%s is made and pushed in %s", version, time.Since(start).Round(time.Second))
	all := readPublication(p.T, filepath.Join(out, "images.txt"))
	for _, pinned := range all {
		p.verify(pinned)
	}
	return all
}

func (p publisher) verify(pinned string) {
	p.Helper()
	if p.cosign == "" {
		return
	}
	if _, err := command(p.Context(), p.cosign, "verify", "--key", p.key+".pub", "--insecure-ignore-tlog=true", pinned); err != nil {
		p.Fatal(err)
	}
}

// A publication has the images of a release and its chart by digest, by their names.
type publication map[string]string

// readPublication reads what `make release` lists.
func readPublication(t *testing.T, file string) publication {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := publication{}
	for line := range strings.FieldsSeq(string(text)) {
		tagged, digest, _ := strings.Cut(line, "@")
		repository := tagged[:strings.LastIndex(tagged, ":")]
		all[path.Base(repository)] = repository + "@" + digest
	}
	return all
}

func (p publication) chart() string { return "oci://" + p["pillion"] }

// mustServe wants all replicas, and the helper of a pod, to be of the release.
func (p publication) mustServe(t *testing.T, namespaceOfPod, pod string) {
	t.Helper()
	replicas := imagesOf(t, namespace, "-l", "app.kubernetes.io/name=pillion-webhook")
	if diff := cmp.Diff([]string{p["pillion-webhook"]}, replicas); diff != "" {
		t.Errorf("images of the replicas (-want +got):\n%s", diff)
	}
	p.mustHelp(t, namespaceOfPod, pod)
}

// mustHelp wants the helper of a pod to be of the release.
func (p publication) mustHelp(t *testing.T, namespace, pod string) {
	t.Helper()
	images := imagesOf(t, namespace, "--field-selector", "metadata.name="+pod)
	if !slices.Contains(images, p["pillion-helper"]) {
		t.Errorf("the pod %s runs %q, want the helper %s", pod, images, p["pillion-helper"])
	}
}
