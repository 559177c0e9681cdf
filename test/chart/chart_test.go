// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/test/chart/render"
)

const root = "../.."

var update = flag.Bool("update", false, "write the rendered.yaml of each case")

// cases are the values that every test of this package is about, by the names of their
// directories in testdata, and those that the chart itself has.
func cases(t *testing.T) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{
		"default": nil,
	}
	shipped, err := filepath.Glob(root + "/charts/pillion/values-*.yaml")
	if err != nil || len(shipped) == 0 {
		t.Fatalf("the chart has no values-NAME.yaml: %v", err)
	}
	for _, file := range shipped {
		all[strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "values-"), ".yaml")] = readValues(t, file)
	}
	files, err := filepath.Glob("testdata/*/values.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata has no case: %v", err)
	}
	for _, file := range files {
		all[filepath.Base(filepath.Dir(file))] = readValues(t, file)
	}
	return all
}

func readValues(t *testing.T, file string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return parseValues(t, string(text))
}

// parseValues reads values as Helm reads a file of them.
func parseValues(t *testing.T, text string) map[string]any {
	t.Helper()
	var values map[string]any
	if err := yaml.Unmarshal([]byte(text), &values); err != nil {
		t.Fatal(err)
	}
	return values
}

// manifests are the templates of the chart, rendered, without the notes.
func manifests(t *testing.T, values map[string]any) map[string]string {
	t.Helper()
	rendered, err := render.Chart(root, values)
	if err != nil {
		t.Fatal(err)
	}
	delete(rendered, "NOTES.txt")
	return rendered
}

// objects are what the chart renders. A part of a file that holds nothing but comments is
// none.
func objects(t *testing.T, values map[string]any) []unstructured.Unstructured {
	t.Helper()
	return objectsIn(t, manifests(t, values))
}

func objectsIn(t *testing.T, rendered map[string]string) []unstructured.Unstructured {
	t.Helper()
	var out []unstructured.Unstructured
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		for _, document := range documents(rendered[name]) {
			var o unstructured.Unstructured
			if err := yaml.UnmarshalStrict([]byte(document), &o.Object); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, document)
			}
			if len(o.Object) > 0 {
				out = append(out, o)
			}
		}
	}
	return out
}

// documents are the YAML documents of a file.
func documents(text string) []string { return strings.Split("\n"+text, "\n---\n") }

// ofKind are the objects of one kind, decoded.
func ofKind[T any](t *testing.T, all []unstructured.Unstructured, kind string) []T {
	t.Helper()
	var out []T
	for _, o := range all {
		if o.GetKind() != kind {
			continue
		}
		text, err := o.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var object T
		if err := yaml.Unmarshal(text, &object); err != nil {
			t.Fatal(err)
		}
		out = append(out, object)
	}
	return out
}

// What a change of a template does to an installation is the diff of these files. Those
// of a real API server's dry run in test/integration are the same.
func TestTheChartRendersWhatIsInTestdata(t *testing.T) {
	t.Parallel()
	for name, values := range cases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rendered := manifests(t, values)
			var got strings.Builder
			for _, file := range slices.Sorted(maps.Keys(rendered)) {
				got.WriteString("---\n# Source: pillion/templates/" + file + "\n" + rendered[file])
			}
			golden := filepath.Join("testdata", name, "rendered.yaml")
			if *update {
				if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v; go test -update writes it", err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s differs; go test -update writes it, and its diff is the review (-want +got):\n%s", golden, diff)
			}
		})
	}
}

// The directories of testdata are cases, and nothing else lies there.
func TestEachDirectoryOfTestdataIsACase(t *testing.T) {
	t.Parallel()
	directories, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range directories {
		got = append(got, f.Name())
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(cases(t))), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestKustomizeIsTheChartWithItsDefaults(t *testing.T) {
	t.Parallel()
	want, err := render.Kustomize(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(text, string(got)); diff != "" {
			t.Errorf("%s differs from the chart; make generate writes it (-want +got):\n%s", name, diff)
		}
	}
}

// Nothing that the chart renders by default may be missing for those without Helm.
func TestKustomizeHasAllThatTheChartRendersByDefault(t *testing.T) {
	t.Parallel()
	files, err := render.Kustomize(root)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for name := range files {
		got = append(got, filepath.Base(name))
	}
	var want []string
	for name := range manifests(t, nil) {
		if !strings.HasPrefix(name, "tests/") { // they are Helm's alone
			want = append(want, name)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
