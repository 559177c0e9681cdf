// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	lint3 "helm.sh/helm/v3/pkg/lint"
	lint4 "helm.sh/helm/v4/pkg/chart/v2/lint"

	"github.com/pillion-dev/pillion/test/chart/render"
)

// underHelm3 is what render.Chart is, by the engine of Helm 3.
func underHelm3(t *testing.T, values map[string]any) (map[string]string, error) {
	t.Helper()
	chart, err := loader.LoadDir(root + "/charts/pillion")
	if err != nil {
		t.Fatal(err)
	}
	release := chartutil.ReleaseOptions{Name: render.Release, Namespace: render.Namespace, Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, values, release, nil)
	if err != nil {
		return nil, err
	}
	rendered, err := engine.Render(chart, all)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for name, text := range rendered {
		if text = strings.TrimSpace(text); text != "" {
			out[strings.TrimPrefix(name, "pillion/templates/")] = text + "\n"
		}
	}
	delete(out, "NOTES.txt")
	return out, nil
}

func TestHelm3AndHelm4RenderTheSame(t *testing.T) {
	t.Parallel()
	for name, values := range cases(t) {
		got, err := underHelm3(t, values)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(manifests(t, values), got); diff != "" {
			t.Errorf("%s (-4 +3):\n%s", name, diff)
		}
	}
}

func TestTheLintersHaveNothingToSay(t *testing.T) {
	t.Parallel()
	for name, values := range cases(t) {
		var messages []string
		for _, m := range lint4.RunAll(root+"/charts/pillion", values, render.Namespace).Messages {
			messages = append(messages, "Helm 4: "+m.Error())
		}
		for _, m := range lint3.All(root+"/charts/pillion", values, render.Namespace, true).Messages {
			messages = append(messages, "Helm 3: "+m.Error())
		}
		for _, m := range messages {
			if !strings.HasSuffix(m, "icon is recommended") {
				t.Errorf("%s: %s", name, m)
			}
		}
	}
}
