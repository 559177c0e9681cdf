// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/test/controlplane"
)

// overlays are the bases in config/ that issue a certificate, and namespaces for which an overlay
// of them is.
func overlays() []string { return []string{"cert-manager", "certificates"} }

// testOverlay applies an overlay of a base with another namespace, other names and another image
// of the helpers. A pod gets its helper only if all names and the certificate agree.
func testOverlay(t *testing.T, base string) {
	apps := makeNamespace(t, "overlaid-"+base, "overlaid="+base)
	system := "acme-" + base
	const image = "registry.acme.example/helper:v9"
	manifest := onlyFor(t, base, mustKubectl(t, "kustomize", "--load-restrictor=LoadRestrictionsNone", overlayDir(t, base, system, image)))
	apply := func(ctx context.Context, verb ...string) error {
		cmd := exec.CommandContext(ctx, "kubectl", append(verb, "-f", "-")...)
		cmd.Stdin = strings.NewReader(manifest)
		_, err := execute(cmd)
		return err
	}
	t.Cleanup(func() {
		ctx := context.Background()
		err := apply(ctx, "delete", "--wait=false", "--ignore-not-found")
		_, err2 := kubectl(ctx, "delete", "pods", "--all", "-n", system, "--grace-period=0", "--force") // they need not drain
		_, err3 := kubectl(ctx, "wait", "--for=delete", "namespace", system, "--timeout=5m")
		if err := errors.Join(err, err2, err3); err != nil {
			t.Error(err)
		}
	})
	start := time.Now()
	if err := apply(t.Context(), "apply", "--server-side"); err != nil {
		t.Fatal(err)
	}
	if base == "certificates" { // as its kustomization says
		mustKubectl(t, "create", "job", "-n", system, "--from=cronjob/acme-pillion-certificates", "first-certificate")
	}
	await(t, func() error {
		got, err := kubectl(t.Context(), "run", "asks", "-n", apps, "--image=pillion.test/e2e:dev", "--dry-run=server",
			"--annotations=date-writer.pillion.dev/mount-path=/html", "-o", "jsonpath={.spec.initContainers[*].image}")
		if err == nil && got != image {
			err = fmt.Errorf("the helpers' images are %q, want %s", got, image)
		}
		return err
	})
	t.Logf("an overlay of config/%s: the first pod gets its helper %s after kubectl apply", base, time.Since(start).Round(100*time.Millisecond))
}

// overlayDir is the directory of an overlay, as docs/platforms.md has it.
func overlayDir(t *testing.T, base, namespace, image string) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if root, err = filepath.Rel(dir, root); err != nil {
		t.Fatal(err)
	}
	name, tag, _ := strings.Cut(image, ":")
	text := fmt.Sprintf(`resources: [%[1]s/config/%[2]s]
namespace: %[3]s
namePrefix: acme-
images: [{name: ghcr.io/pillion-dev/pillion-helper, newName: %[4]s, newTag: %[5]s}]
transformers: [%[1]s/config/overlay]
`, root, base, namespace, name, tag)
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// onlyFor has the webhooks and guards of a manifest be for namespaces with a label, because there
// is another installation in the cluster.
func onlyFor(t *testing.T, label, manifest string) string {
	t.Helper()
	objects, err := controlplane.Objects(manifest)
	if err != nil {
		t.Fatal(err)
	}
	requirement := map[string]any{"key": "overlaid", "operator": "In", "values": []any{label}}
	restrict := func(of map[string]any) {
		path := []string{"namespaceSelector", "matchExpressions"}
		all, _, err := unstructured.NestedSlice(of, path...)
		if err == nil {
			err = unstructured.SetNestedSlice(of, append(all, requirement), path...)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var text strings.Builder
	for _, o := range objects {
		webhooks, _ := o.Object["webhooks"].([]any)
		for _, w := range webhooks {
			restrict(w.(map[string]any))
		}
		if o.GetKind() == "ValidatingAdmissionPolicy" {
			constraints, _, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "matchConstraints")
			restrict(constraints.(map[string]any))
		}
		one, err := yaml.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString("---\n" + string(one))
	}
	return text.String()
}
