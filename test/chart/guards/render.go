// SPDX-License-Identifier: Apache-2.0

// Package guards proves the two ValidatingAdmissionPolicies of the chart, the
// final-state guard and the label guard, on a real kube-apiserver, with the real
// webhook in front of them.
package guards

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/pillion-dev/pillion/test/chart/render"
)

// releaseNamespace is where the release is said to be. The webhook of the tests leaves
// pillion-system alone, and guards leave the release's namespace alone: as they differ
// here, what is created in pillion-system is judged by the guards alone.
const releaseNamespace = "elsewhere"

// templates are the files of the chart that hold the guards.
var templates = []string{"final-state-guard.yaml", "label-guard.yaml"}

// guards renders the guards of the chart with the values.
func guards(root string, values map[string]any) ([]unstructured.Unstructured, error) {
	files, err := render.In(root, releaseNamespace, values)
	if err != nil {
		return nil, err
	}
	var objects []unstructured.Unstructured
	for _, name := range templates {
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
