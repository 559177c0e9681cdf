// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
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

// Flux and Argo CD apply what is there again and again. An object that each apply writes anew
// is one that every watcher is told of, and that looks as if somebody had changed it.
func TestThreeAppliesAreAsGoodAsOne(t *testing.T) {
	certManager(t)
	prometheusOperator(t)
	for _, ns := range []string{"pillion-system", "monitoring", "shop"} {
		kubectl(t, `{apiVersion: v1, kind: Namespace, metadata: {name: `+ns+`}}`, "apply", "-f", "-")
	}
	// In these is every object that the chart has.
	cases := []string{"default", "everything", "job", "secret"}
	for how, flags := range map[string][]string{"server-side": {"--server-side", "--field-manager=helm"}, "client-side": nil} {
		for _, name := range cases {
			t.Run(how+" "+name, func(t *testing.T) {
				text, err := os.ReadFile(filepath.Join("..", "testdata", name, "rendered.yaml"))
				if err != nil {
					t.Fatal(err)
				}
				manifest := string(text)
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
