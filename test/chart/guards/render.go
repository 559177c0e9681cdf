// SPDX-License-Identifier: Apache-2.0

// Package guards proves the two ValidatingAdmissionPolicies of the chart, the
// final-state guard and the label guard, on a real kube-apiserver, with the real
// webhook in front of them. It is a module of its own because it renders the chart
// with Helm's engine, which the product does not need.
package guards

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// releaseNamespace is where the release is said to be. The webhook of the tests leaves
// pillion-system alone, and guards leave the release's namespace alone: as they differ
// here, what is created in pillion-system is judged by the guards alone.
const releaseNamespace = "elsewhere"

// templates are the files of the chart that hold the guards.
var templates = []string{"final-state-guard.yaml", "label-guard.yaml"}

// render renders the guards of the chart with the values.
func render(chart string, values map[string]any) ([]unstructured.Unstructured, error) {
	c, err := loader.LoadDir(chart)
	if err != nil {
		return nil, err
	}
	c.Templates = slices.DeleteFunc(c.Templates, func(f *common.File) bool {
		return path.Ext(f.Name) != ".tpl" && !slices.Contains(templates, path.Base(f.Name))
	})
	options := common.ReleaseOptions{Name: "pillion", Namespace: releaseNamespace, IsInstall: true, Revision: 1}
	all, err := util.ToRenderValues(c, values, options, nil)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(c, all)
	if err != nil {
		return nil, err
	}
	var objects []unstructured.Unstructured
	for _, name := range slices.Sorted(maps.Keys(files)) {
		found, err := decode(files[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", name, err, files[name])
		}
		objects = append(objects, found...)
	}
	return objects, nil
}

func decode(text string) ([]unstructured.Unstructured, error) {
	var objects []unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		var object unstructured.Unstructured
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}
