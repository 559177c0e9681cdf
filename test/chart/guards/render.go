// SPDX-License-Identifier: Apache-2.0

// Package guards proves the two ValidatingAdmissionPolicies of the chart, the
// final-state guard and the label guard, on a real kube-apiserver, with the real
// webhook in front of them.
package guards

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/pillion-dev/pillion/test/chart/render"
	"github.com/pillion-dev/pillion/test/controlplane"
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
		found, err := controlplane.Objects(files[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", name, err, files[name])
		}
		objects = append(objects, found...)
	}
	return objects, nil
}
