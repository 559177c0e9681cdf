// SPDX-License-Identifier: Apache-2.0

// Package render renders charts/pillion with Helm's own engine.
package render

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"k8s.io/client-go/rest"
)

// The release that the README installs.
const (
	Release   = "pillion"
	Namespace = "pillion-system"
)

// Cluster is what Helm knows of the cluster that it installs into.
type Cluster struct {
	Config      *rest.Config // for what templates look up
	APIVersions []string     // what the cluster has, such as cert-manager.io/v1
}

// Install is Chart as a cluster sees it, for a release of any name and namespace.
func Install(root string, cluster Cluster, release, namespace string, values map[string]any) (map[string]string, error) {
	chart, err := loader.LoadDir(filepath.Join(root, "charts", "pillion"))
	if err != nil {
		return nil, err
	}
	capabilities := common.DefaultCapabilities.Copy()
	capabilities.APIVersions = append(capabilities.APIVersions, cluster.APIVersions...)
	all, err := util.ToRenderValues(chart, values, common.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}, capabilities)
	if err != nil {
		return nil, err
	}
	rendered, err := engine.RenderWithClient(chart, all, cluster.Config)
	if err != nil {
		return nil, err
	}
	return templates(rendered), nil
}

// Chart renders the chart of the repository at root as `helm install` would, and returns
// the text of each template by its name, such as service.yaml. Templates that render
// nothing are left out.
func Chart(root string, values map[string]any) (map[string]string, error) {
	return chart(root, Release, Namespace, 1, values, false)
}

// Named is Chart for a release of another name.
func Named(root, release string, values map[string]any) (map[string]string, error) {
	return chart(root, release, Namespace, 1, values, false)
}

// Upgrade is Chart as `helm upgrade` does it for the first time.
func Upgrade(root string, values map[string]any) (map[string]string, error) {
	return chart(root, Release, Namespace, 2, values, false)
}

// Reused is Upgrade with --reuse-values, by which Helm takes the defaults of the release that
// is there, and so none of those that have come since.
func Reused(root string, defaults, values map[string]any) (map[string]string, error) {
	chart, err := loader.LoadDir(filepath.Join(root, "charts", "pillion"))
	if err != nil {
		return nil, err
	}
	chart.Values = defaults
	all, err := util.ToRenderValues(chart, values, common.ReleaseOptions{Name: Release, Namespace: Namespace, Revision: 2, IsUpgrade: true}, nil)
	if err != nil {
		return nil, err
	}
	rendered, err := engine.Render(chart, all)
	if err != nil {
		return nil, err
	}
	return templates(rendered), nil
}

// In is Chart in another namespace.
func In(root, namespace string, values map[string]any) (map[string]string, error) {
	return chart(root, Release, namespace, 1, values, false)
}

// Unchecked is Chart without a check of the schema of the values.
func Unchecked(root string, values map[string]any) (map[string]string, error) {
	return chart(root, Release, Namespace, 1, values, true)
}

func chart(root, name, namespace string, revision int, values map[string]any, unchecked bool) (map[string]string, error) {
	chart, err := loader.LoadDir(filepath.Join(root, "charts", "pillion"))
	if err != nil {
		return nil, err
	}
	release := common.ReleaseOptions{Name: name, Namespace: namespace, Revision: revision, IsInstall: revision == 1, IsUpgrade: revision > 1}
	all, err := util.ToRenderValuesWithSchemaValidation(chart, values, release, nil, unchecked)
	if err != nil {
		return nil, err
	}
	rendered, err := engine.Render(chart, all)
	if err != nil {
		return nil, err
	}
	return templates(rendered), nil
}

// templates takes the directory out of the names, and what is empty.
func templates(rendered map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range rendered {
		if text = strings.TrimSpace(text); text != "" {
			out[strings.TrimPrefix(name, "pillion/templates/")] = text + "\n"
		}
	}
	return out
}

// Kustomize is what config/ has of the chart: the files by their paths from the root of
// the repository. Directories for people, and for tests, without Helm.
func Kustomize(root string) (map[string]string, error) {
	rendered, err := Chart(root, nil)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for directory, names := range map[string][]string{
		"config/cert-manager": {"certificates.yaml"},
		"config/webhook": {
			"deployment.yaml", "final-state-guard.yaml", "mutatingwebhookconfiguration.yaml", "networkpolicy.yaml", "poddisruptionbudget.yaml",
			"service.yaml", "serviceaccount.yaml", "validatingwebhookconfiguration.yaml",
		},
	} {
		for _, name := range names {
			text, found := rendered[name]
			if !found {
				return nil, fmt.Errorf("%s: the chart renders nothing for it with its default values", name)
			}
			license, rest, _ := strings.Cut(oneConfiguration(text), "\n")
			out[directory+"/"+name] = fmt.Sprintf("%s\n#\n# Generated by \"make generate\" from charts/pillion/templates/%s. Do not edit.\n%s", license, name, rest)
		}
	}
	return out, nil
}

// oneConfiguration puts the entries of several webhook configurations into the first. The
// chart has several because Helm 4 cannot take an entry out of one, as the templates say;
// kubectl apply can, and overlays patch one more easily than three.
func oneConfiguration(text string) string {
	documents := strings.Split(strings.TrimSuffix(text, "\n"), "\n---\n")
	if !strings.Contains(documents[len(documents)-1], "\nwebhooks:\n") {
		return text
	}
	parts := slices.Clone(documents[:2]) // the comment on top, and the first
	for _, more := range documents[2:] {
		_, entries, _ := strings.Cut(more, "\nwebhooks:\n")
		parts = append(parts, entries)
	}
	return strings.Join(parts, "\n") + "\n"
}
