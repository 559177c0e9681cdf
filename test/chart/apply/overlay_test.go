// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/pillion-dev/pillion/internal/check"
	"github.com/pillion-dev/pillion/internal/policy"
	"github.com/pillion-dev/pillion/test/controlplane"
)

// overlay is what kustomize, as it is in kubectl, makes of a base in another namespace, with
// other names, labels, and an image from another registry.
func overlay(t *testing.T, base string) (objects map[string][]unstructured.Unstructured, manifest string) {
	t.Helper()
	dir := t.TempDir()
	absolute, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(dir, absolute)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`resources: [%[1]s/config/%[2]s]
namespace: acme-system
namePrefix: acme-
nameSuffix: -two
labels: [{pairs: {team: platform}, includeSelectors: true}]
images: [{name: ghcr.io/pillion-dev/pillion-webhook, newName: registry.acme.example/w, newTag: v9}, {name: ghcr.io/pillion-dev/pillion-certificates, newName: registry.acme.example/c}, {name: ghcr.io/pillion-dev/pillion-helper, newName: registry.acme.example/h, digest: "sha256:%[3]s"}]
transformers: [%[1]s/config/overlay]
`, relative, base, strings.Repeat("0", 64))
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	manifest = kubectl(t, "", "kustomize", "--load-restrictor=LoadRestrictionsNone", dir)
	all, err := controlplane.Objects(manifest)
	if err != nil {
		t.Fatal(err)
	}
	objects = map[string][]unstructured.Unstructured{}
	for _, o := range all {
		objects[o.GetKind()] = append(objects[o.GetKind()], o)
	}
	return objects, manifest
}

// at is what lies at a path of an object; a part that is a number is an index.
func at(t *testing.T, o unstructured.Unstructured, path string) any {
	t.Helper()
	var value any = o.Object
	for part := range strings.SplitSeq(path, "/") {
		switch v := value.(type) {
		case map[string]any:
			value = v[part]
		case []any:
			var i int
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(v) {
				t.Fatalf("%s %s: nothing at %s", o.GetKind(), o.GetName(), path)
			}
			value = v[i]
		}
	}
	return value
}

// podOf is the pod of a Deployment.
func podOf(t *testing.T, deployment unstructured.Unstructured) *corev1.PodSpec {
	t.Helper()
	var d appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(deployment.Object, &d, true); err != nil {
		t.Fatal(err)
	}
	return &d.Spec.Template.Spec
}

func names(objects []unstructured.Unstructured) []any {
	var all []any
	for _, o := range objects {
		all = append(all, o.GetName())
	}
	return all
}

const (
	overlaid = "acme-pillion-webhook-two"
	host     = overlaid + ".acme-system.svc"
)

// With names or a namespace that only some objects have, a webhook runs and each pod that
// requests a helper is denied.
func TestAnOverlayReachesEverything(t *testing.T) {
	certManager(t)
	kubectl(t, `{apiVersion: v1, kind: Namespace, metadata: {name: acme-system}}`, "apply", "-f", "-")
	for _, base := range []string{"cert-manager", "certificates"} {
		t.Run(base, func(t *testing.T) {
			objects, manifest := overlay(t, base)
			deployment := objects["Deployment"][0]
			want := func(o unstructured.Unstructured, path string, want any) {
				t.Helper()
				if diff := cmp.Diff(want, at(t, o, path)); diff != "" {
					t.Errorf("%s %s: %s (-want +got):\n%s", o.GetKind(), o.GetName(), path, diff)
				}
			}
			want(deployment, "spec/template/spec/containers/0/args/4", host)
			want(deployment, "spec/template/spec/containers/0/image", "registry.acme.example/w:v9")
			if got, want := check.HelperImage(podOf(t, deployment)), "registry.acme.example/h@sha256:"+strings.Repeat("0", 64); got != want {
				t.Errorf("the helpers have the image %s, want %s", got, want)
			}
			want(deployment, "spec/selector/matchLabels/team", "platform")
			want(objects["NetworkPolicy"][0], "spec/podSelector/matchLabels/team", "platform")
			want(objects["PodDisruptionBudget"][0], "spec/selector/matchLabels/team", "platform")
			want(objects["Service"][0], "spec/selector/team", "platform")
			for _, kind := range []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"} {
				config := objects[kind][0]
				for i := range at(t, config, "webhooks").([]any) {
					entry := fmt.Sprintf("webhooks/%d/", i)
					want(config, entry+"clientConfig/service/name", overlaid)
					want(config, entry+"clientConfig/service/namespace", "acme-system")
					want(config, entry+"namespaceSelector/matchExpressions/0/values", []any{"kube-system", "kube-node-lease", "acme-system"})
				}
			}
			for _, p := range objects["ValidatingAdmissionPolicy"] {
				want(p, "spec/matchConstraints/namespaceSelector/matchExpressions/0/values", []any{"kube-system", "kube-node-lease", "acme-system"})
			}
			for _, b := range objects["ValidatingAdmissionPolicyBinding"] {
				if policy := at(t, b, "spec/policyName"); !slices.Contains(names(objects["ValidatingAdmissionPolicy"]), policy) {
					t.Errorf("%s binds %s, which is not there", b.GetName(), policy)
				}
			}
			if strings.Contains(manifest, "pillion-system") {
				t.Errorf("the base's namespace is left in:\n%s", manifest)
			}
			if base == "cert-manager" {
				ofCertManager(t, objects, want)
			} else {
				ofTheCronJob(t, objects, want)
			}
			kubectl(t, manifest, "apply", "--server-side", "--dry-run=server", "-f", "-")
		})
	}
}

func ofCertManager(t *testing.T, objects map[string][]unstructured.Unstructured, want func(unstructured.Unstructured, string, any)) {
	t.Helper()
	for _, kind := range []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"} {
		want(objects[kind][0], "metadata/annotations", map[string]any{"cert-manager.io/inject-ca-from": "acme-system/" + overlaid})
	}
	for _, c := range objects["Certificate"] {
		if issuer := at(t, c, "spec/issuerRef/name"); !slices.Contains(names(objects["Issuer"]), issuer) {
			t.Errorf("%s is issued by %s, which is not there", c.GetName(), issuer)
		}
		if c.GetName() == overlaid {
			want(c, "spec/dnsNames", []any{host})
			want(objects["Deployment"][0], "spec/template/spec/volumes/0/secret/secretName", at(t, c, "spec/secretName"))
		}
	}
	if !slices.Contains(names(objects["Certificate"]), any(overlaid)) {
		t.Errorf("no Certificate is called %s, whose CA is injected", overlaid)
	}
}

func ofTheCronJob(t *testing.T, objects map[string][]unstructured.Unstructured, want func(unstructured.Unstructured, string, any)) {
	t.Helper()
	secret := objects["Secret"][0].GetName()
	want(objects["Deployment"][0], "spec/template/spec/volumes/0/secret/secretName", secret)
	want(objects["CronJob"][0], "spec/jobTemplate/spec/template/spec/containers/0/args", []any{
		"--namespace=acme-system", "--secret", secret, "--mutating=acme-pillion-two", "--validating=acme-pillion-two", "--dns-name", host,
	})
	want(objects["CronJob"][0], "spec/jobTemplate/spec/template/spec/containers/0/image", "registry.acme.example/c:v0.1.0")
	want(objects["ClusterRole"][0], "rules/0/resourceNames", []any{"acme-pillion-two"})
	want(objects["Role"][0], "rules/0/resourceNames", []any{secret})
	want(objects["RoleBinding"][0], "subjects/0/namespace", "acme-system")
	if account := at(t, objects["RoleBinding"][0], "subjects/0/name"); account != "acme-pillion-certificates-two" || !slices.Contains(names(objects["ServiceAccount"]), account) {
		t.Errorf("the rights are those of %s", account)
	}
}

// The example of helpers that a platform defines: its files are what the webhook loads, and
// the guard knows the one that is an init container.
func TestTheExampleOfDefinedHelpers(t *testing.T) {
	example, err := filepath.Abs(filepath.Join(root, "examples", "helpers"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := controlplane.Objects(kubectl(t, "", "kustomize", example))
	if err != nil {
		t.Fatal(err)
	}
	var files []policy.File
	var initHelpers any
	for _, o := range all {
		switch {
		case o.GetKind() == "ConfigMap":
			data, _, _ := unstructured.NestedStringMap(o.Object, "data")
			for name, text := range data {
				files = append(files, policy.File{Name: name, Data: []byte(text)})
			}
		case o.GetKind() == "ValidatingAdmissionPolicy" && o.GetName() == "pillion-final-state":
			if at(t, o, "spec/variables/0/name") == "initHelpers" {
				initHelpers = at(t, o, "spec/variables/0/expression")
			}
		}
	}
	policies, errs := policy.Load(files)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if p := policies["default"]; p == nil || p.Helpers["log-shipper"] == nil || p.Helpers["seed"] == nil {
		t.Errorf("the policies are %v", policies)
	}
	if initHelpers != "['seed']" {
		t.Errorf("the guard's init helpers are %v", initHelpers)
	}
}
