// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"sigs.k8s.io/yaml"
)

// makeChart writes the chart's archive: with the version of the release, and with images
// of its registry by the digests that they have in this release.
func (r *release) makeChart() error {
	c, err := loader.LoadDir(filepath.Join(r.dir, "charts", "pillion"))
	if err != nil {
		return err
	}
	helper, err := helperImage(r.dir)
	if err != nil {
		return err
	}
	c.Metadata.Version, c.Metadata.AppVersion = r.chartVersion(), r.version
	// The helpers' image first: it has a tag, which is another one for a candidate.
	names := strings.NewReplacer(helper, r.registry+"/pillion-helper:"+r.version, defaultRegistry+"/pillion-", r.registry+"/pillion-")
	for _, f := range append(c.Files, c.Raw...) {
		f.Data = []byte(names.Replace(string(f.Data)))
	}
	digests := map[string]string{}
	for _, i := range r.images {
		digests[i.ref] = i.digest
	}
	pins, err := json.MarshalIndent(digests, "", "  ")
	if err != nil {
		return err
	}
	c.Files = append(c.Files, &common.File{Name: "files/digests.json", Data: append(pins, '\n')})
	c.StampModTimes(r.time)
	file, err := chartutil.Save(c, r.out)
	if err != nil {
		return err
	}
	manifest, err := artefact(file)
	if err != nil {
		return err
	}
	digest, err := manifest.Digest()
	r.chart = image{ref: r.registry + chartName + ":" + r.chartVersion(), digest: digest.String()}
	return err
}

// chartFile is the name that Helm gives to the chart's archive.
func (r *release) chartFile() string { return "pillion-" + r.chartVersion() + ".tgz" }

// makeManifests renders the released chart for those without Helm.
func (r *release) makeManifests() error {
	c, err := loader.LoadFile(filepath.Join(r.out, r.chartFile()))
	if err != nil {
		return err
	}
	namespace, err := os.ReadFile(filepath.Join(r.dir, "config", "webhook", "namespace.yaml"))
	if err != nil {
		return err
	}
	for name, source := range map[string]string{"install.yaml": "cert-manager", "install-without-cert-manager.yaml": "job"} {
		objects, err := manifests(c, map[string]any{"certificates": map[string]any{"source": source}})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		var text bytes.Buffer
		fmt.Fprintf(&text, "# Pillion %s: kubectl apply --server-side -f %s\n", r.version, name)
		text.Write(namespace)
		for _, object := range objects {
			fmt.Fprintf(&text, "---\n%s\n", object)
		}
		if err := r.write(name, text.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// manifests renders a chart into the README's namespace, without hooks and in the order
// in which Helm installs.
func manifests(c *chart.Chart, values map[string]any) ([]string, error) {
	options := common.ReleaseOptions{Name: "pillion", Namespace: "pillion-system", Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(c, values, options, nil)
	if err != nil {
		return nil, err
	}
	rendered, err := engine.Render(c, all)
	if err != nil {
		return nil, err
	}
	for name := range rendered {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(rendered, name)
		}
	}
	_, sorted, err := releaseutil.SortManifests(rendered, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, err
	}
	var objects []string
	for _, m := range sorted {
		// A template's first part may be its comment alone.
		var object map[string]any
		if err := yaml.Unmarshal([]byte(m.Content), &object); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		if len(object) > 0 {
			objects = append(objects, strings.TrimSpace(m.Content))
		}
	}
	return objects, nil
}
