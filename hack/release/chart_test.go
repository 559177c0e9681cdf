// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// packed is the chart of a release whose images all have one digest, of 64 times digit.
func packed(t *testing.T, version, registry, digit string) *chart.Chart {
	t.Helper()
	r := release{source: source{dir: "../..", version: version, time: when}, registry: registry, out: t.TempDir()}
	for _, name := range []string{"webhook", "helper", "certificates", "kubectl"} {
		r.images = append(r.images, image{ref: registry + "/pillion-" + name + ":" + version, digest: "sha256:" + strings.Repeat(digit, 64)})
	}
	if err := r.makeChart(); err != nil {
		t.Fatal(err)
	}
	c, err := loader.LoadFile(filepath.Join(r.out, r.chartFile()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// imagesOf are those that an installation with these values names, sorted.
func imagesOf(t *testing.T, c *chart.Chart, values map[string]any) []string {
	t.Helper()
	objects, err := manifests(c, values)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, match := range imagePattern.FindAllStringSubmatch(strings.Join(objects, "\n"), -1) {
		all = append(all, match[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestImagesOfAReleasedChart(t *testing.T) {
	t.Parallel()
	const acme = "registry.acme.example/pillion"
	c := packed(t, "v0.1.1", acme, "1")
	pin := "@sha256:" + strings.Repeat("1", 64)
	own := "@sha256:" + strings.Repeat("f", 64)
	for name, test := range map[string]struct {
		values map[string]any
		want   []string
	}{
		"are the release's, by digest": {
			nil,
			[]string{acme + "/pillion-helper:v0.1.1" + pin, acme + "/pillion-webhook:v0.1.1" + pin},
		},
		"of the Job as well": {
			map[string]any{"certificates": map[string]any{"source": "job"}},
			[]string{acme + "/pillion-certificates:v0.1.1" + pin, acme + "/pillion-helper:v0.1.1" + pin, acme + "/pillion-webhook:v0.1.1" + pin},
		},
		"are a mirror's by tag, which may have other digests": {
			map[string]any{"imageRegistry": "mirror.example"},
			[]string{"mirror.example/pillion/pillion-helper:v0.1.1", "mirror.example/pillion/pillion-webhook:v0.1.1"},
		},
		"are by the tag that values choose": {
			map[string]any{
				"image":        map[string]any{"tag": "v0.1.1"},
				"certificates": map[string]any{"source": "job", "job": map[string]any{"image": map[string]any{"tag": "v0.1.1"}}},
				"helperImage":  acme + "/pillion-helper:v0.1.1",
			},
			[]string{acme + "/pillion-certificates:v0.1.1", acme + "/pillion-helper:v0.1.1", acme + "/pillion-webhook:v0.1.1"},
		},
		"are by the digest that values choose": {
			map[string]any{"image": map[string]any{"digest": own[1:]}},
			[]string{acme + "/pillion-helper:v0.1.1" + pin, acme + "/pillion-webhook:v0.1.1" + own},
		},
		"are not the release's in another repository": {
			map[string]any{"image": map[string]any{"repository": "ghcr.io/fork/pillion-webhook"}},
			[]string{"ghcr.io/fork/pillion-webhook:v0.1.1", acme + "/pillion-helper:v0.1.1" + pin},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, imagesOf(t, c, test.values)); diff != "" {
				t.Errorf("images (-want +got):\n%s", diff)
			}
		})
	}
}

// With --reuse-values the defaults of the previous chart stay, and those of the new one do
// not come. Digests among them would keep the previous images under the new tag.
func TestAnUpgradeThatReusesValuesHasTheNewImages(t *testing.T) {
	t.Parallel()
	const registry = "ghcr.io/pillion-dev"
	previous, next := packed(t, "v0.1.0", registry, "1"), packed(t, "v0.1.1", registry, "2")
	next.Values = previous.Values
	pin := "@sha256:" + strings.Repeat("2", 64)
	want := []string{registry + "/pillion-helper:v0.1.1" + pin, registry + "/pillion-webhook:v0.1.1" + pin}
	if diff := cmp.Diff(want, imagesOf(t, next, nil)); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}
