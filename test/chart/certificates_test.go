// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// config/certificates is written by hand, since it serves configurations of other names and
// has no Job that belongs to a release. Its rights and its pod are the chart's all the same.
func TestKustomizeWithoutCertManagerHasTheRightsAndThePodOfTheChart(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(root + "/config/certificates/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	byHand := map[string]string{}
	for _, file := range files {
		if base := filepath.Base(file); base == "kustomization.yaml" || base == "deployment.yaml" || base == "names.yaml" { // which patch what is generated
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		byHand[file] = string(text)
	}
	got, want := map[string]map[string]any{}, map[string]map[string]any{}
	for _, o := range objectsIn(t, byHand) {
		got[o.GetKind()] = alike(t, o)
	}
	for _, o := range objects(t, parseValues(t, "certificates: {source: job}")) {
		if got[o.GetKind()] != nil && o.GetLabels()["app.kubernetes.io/name"] == "pillion-certificates" {
			want[o.GetKind()] = alike(t, o)
		}
	}
	if len(got) != 7 {
		t.Errorf("%d kinds of objects in config/certificates, want 7", len(got))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config/certificates is not what the chart has (-chart +config):\n%s", diff)
	}
}

// alike is an object without what has to differ: labels of the release, the webhook
// configurations, of which the chart has more, and what is said again though it is the default.
func alike(t *testing.T, o unstructured.Unstructured) map[string]any {
	t.Helper()
	o = *o.DeepCopy()
	o.SetLabels(nil)
	if o.GetKind() == "ClusterRole" {
		for _, rule := range list(t, o.Object, "rules") {
			rule["resourceNames"] = "the configurations"
		}
	}
	if o.GetKind() == "CronJob" {
		pod := []string{"spec", "jobTemplate", "spec", "template"}
		unstructured.RemoveNestedField(o.Object, append(slices.Clone(pod), "metadata")...)
		for _, c := range list(t, o.Object, append(slices.Clone(pod), "spec", "containers")...) {
			delete(c, "imagePullPolicy")
			c["args"] = slices.DeleteFunc(c["args"].([]any), func(arg any) bool {
				flag, _, _ := strings.Cut(arg.(string), "=")
				return slices.Contains([]string{"--mutating", "--validating", "--validity", "--log-format"}, flag)
			})
		}
	}
	return o.Object
}

// list is a list of objects inside another, not a copy of it.
func list(t *testing.T, object map[string]any, at ...string) []map[string]any {
	t.Helper()
	field, found, err := unstructured.NestedFieldNoCopy(object, at...)
	if err != nil || !found {
		t.Fatalf("%v: found %v, %v", at, found, err)
	}
	var out []map[string]any
	for _, element := range field.([]any) {
		out = append(out, element.(map[string]any))
	}
	return out
}

// AKS edits each webhook configuration without its annotation, whichever issuer the certificate has.
func TestAnnotationsOfTheConfigurationsAreThereWithEverySource(t *testing.T) {
	t.Parallel()
	const mine = "admissions.enforcer/disabled"
	for source, more := range map[string]string{
		"cert-manager": ``,
		"issuer":       `, issuerRef: {name: a}`,
		"secret":       `, secretName: a, caBundle: "-----BEGIN CERTIFICATE-----"`,
		"job":          ``,
	} {
		found := 0
		for _, o := range objects(t, parseValues(t, `{policies: {web: {helpers: {ipc: {}}}}, certificates: {source: `+source+more+`, configurationAnnotations: {`+mine+`: "true"}}}`)) {
			if !strings.HasSuffix(o.GetKind(), "WebhookConfiguration") {
				continue
			}
			if found++; o.GetAnnotations()[mine] != "true" {
				t.Errorf("%s: %s %s has the annotations %v", source, o.GetKind(), o.GetName(), o.GetAnnotations())
			}
		}
		if found != 6 {
			t.Errorf("%s: %d configurations, want 6: two of default, of web, and of unknown policies", source, found)
		}
	}
}
