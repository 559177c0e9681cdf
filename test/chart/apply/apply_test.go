// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// remove deletes what a manifest has, after the test.
func remove(t *testing.T, manifest string) {
	t.Helper()
	if _, _, err := plane.Kubectl(context.WithoutCancel(t.Context()), manifest, "delete", "--ignore-not-found", "--now", "-f", "-"); err != nil {
		t.Error(err)
	}
}

// Flux and Argo CD apply what is there again and again. An object that each apply writes again
// is one that every watcher sees, as if it had been changed.
func TestThreeAppliesAreAsGoodAsOne(t *testing.T) {
	certManager(t)
	prometheusOperator(t)
	for _, ns := range []string{"pillion-system", "monitoring", "shop"} {
		kubectl(t, `{apiVersion: v1, kind: Namespace, metadata: {name: `+ns+`}}`, "apply", "-f", "-")
	}
	cases := map[string]string{}
	for _, name := range []string{"default", "everything", "job", "secret"} {
		cases[name] = rendered(t, name)
	}
	everyKindOfTheChartIsIn(t, cases)
	for _, base := range []string{"cert-manager", "certificates"} {
		dir, err := filepath.Abs(filepath.Join(root, "config", base))
		if err != nil {
			t.Fatal(err)
		}
		documents := strings.Split(kubectl(t, "", "kustomize", dir), "\n---\n")
		// The namespace is there, and nobody here could end it.
		cases["config/"+base] = strings.Join(slices.DeleteFunc(documents, func(d string) bool { return strings.Contains(d, "\nkind: Namespace\n") }), "\n---\n")
	}
	for how, flags := range map[string][]string{"server-side": {"--server-side", "--field-manager=helm"}, "client-side": nil} {
		for name, manifest := range cases {
			t.Run(how+" "+name, func(t *testing.T) {
				t.Cleanup(func() { remove(t, manifest) })
				apply := append([]string{"apply", "-f", "-"}, flags...)
				kubectl(t, manifest, apply...)
				once := state(t, manifest)
				if len(once) < 8 {
					t.Fatalf("only %d objects", len(once))
				}
				for range 2 {
					kubectl(t, manifest, apply...)
				}
				if diff := cmp.Diff(once, state(t, manifest)); diff != "" {
					t.Errorf("after two more applies (-once +thrice):\n%s", diff)
				}
			})
		}
	}
}

func rendered(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", name, "rendered.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// everyKindOfTheChartIsIn wants the cases to have all that the chart renders with any values
// that it is tested with.
func everyKindOfTheChartIsIn(t *testing.T, cases map[string]string) {
	t.Helper()
	kinds := regexp.MustCompile(`(?m)^kind: \S+$`)
	var chosen []string
	for _, text := range cases {
		chosen = append(chosen, kinds.FindAllString(text, -1)...)
	}
	all, err := os.ReadDir(filepath.Join("..", "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		for _, kind := range kinds.FindAllString(rendered(t, one.Name()), -1) {
			if !slices.Contains(chosen, kind) {
				t.Errorf("%s of %s is not applied here", kind, one.Name())
			}
		}
	}
}

// state are the objects of a manifest as they are, by kind and name: what changes with each
// write included, and what records the times of writes not.
func state(t *testing.T, manifest string) map[string]any {
	t.Helper()
	var list unstructured.UnstructuredList
	if err := json.Unmarshal([]byte(kubectl(t, manifest, "get", "-o", "json", "-f", "-")), &list); err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	for _, o := range list.Items {
		o.SetManagedFields(nil)
		out[strings.Join([]string{o.GetKind(), o.GetNamespace(), o.GetName()}, "/")] = o.Object
	}
	return out
}
