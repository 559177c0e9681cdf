// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/pillion-dev/pillion/internal/check"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/rule"
	"github.com/pillion-dev/pillion/internal/policy"
)

// loaded are the policies of the ConfigMap that is rendered, as the webhook loads them.
func loaded(t *testing.T, all []unstructured.Unstructured) map[string]*inject.Policy {
	t.Helper()
	dir := t.TempDir()
	for _, c := range ofKind[corev1.ConfigMap](t, all, "ConfigMap") {
		if !strings.Contains(c.Name, "-policies-") {
			continue
		}
		if c.Immutable == nil || !*c.Immutable {
			t.Errorf("%s can be changed, behind the back of replicas that have read it", c.Name)
		}
		for name, text := range c.Data {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	policies, err := policy.LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return policies
}

func TestPoliciesAreThoseOfTheValues(t *testing.T) {
	t.Parallel()
	for name, values := range cases(t) {
		want, _ := values["policies"].(map[string]any)
		if len(want) == 0 {
			continue
		}
		got := loaded(t, objects(t, values))
		names := slices.Sorted(maps.Keys(want))
		if !slices.Contains(names, "default") {
			names = append(names, "default")
			slices.Sort(names)
		}
		if diff := cmp.Diff(names, slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTheDefaultPolicyIsTheBuiltinOne(t *testing.T) {
	t.Parallel()
	got := loaded(t, objects(t, parseValues(t, `policies: {web: {helpers: {date-writer: {}}}}`)))
	if want := policy.Builtin().Hash; got["default"].Hash != want {
		t.Errorf("the hash is %s, want %s", got["default"].Hash, want)
	}
}

// Helm merges maps. A policy that was merged with another would allow what nobody wrote.
func TestAPolicyIsNotMergedWithTheBuiltinOne(t *testing.T) {
	t.Parallel()
	got := loaded(t, objects(t, parseValues(t, `policies: {default: {helpers: {date-writer: {}}}}`)))["default"]
	if diff := cmp.Diff([]string{"date-writer"}, slices.Sorted(maps.Keys(got.Helpers))); diff != "" {
		t.Errorf("helpers (-want +got):\n%s", diff)
	}
}

func TestTheImageOfTheHelpersIsForPoliciesThatNameNone(t *testing.T) {
	t.Parallel()
	const ours, theirs = "registry.example/ours:v1", "registry.example/theirs:v1"
	got := loaded(t, objects(t, parseValues(t, `
helperImage: `+ours+`
policies:
  web: {helpers: {date-writer: {}}}
  own: {image: `+theirs+`, helpers: {date-writer: {}}}
`)))
	for name, want := range map[string]string{"default": ours, "web": ours, "own": theirs} {
		if image := got[name].Helpers["date-writer"].Image; image != want {
			t.Errorf("%s has the image %s, want %s", name, image, want)
		}
	}
}

// The built-in policy gets it as well: from the argument, as a kubelet reads it.
func TestTheImageOfTheHelpersIsThatOfTheArgument(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]string{
		``:                                    policy.DefaultImage,
		`helperImage: registry.example/h:v1`:  "registry.example/h:v1",
		`imageRegistry: registry.example/a`:   "registry.example/a/pillion-dev/pillion-helper:v0.1.0",
		`global: {imageRegistry: r.example/}`: "r.example/pillion-dev/pillion-helper:v0.1.0",
		"imageRegistry: registry.example\nhelperImage: ghcr.io/acme/h:v1": "registry.example/acme/h:v1",
	} {
		pod := podOf(t, objects(t, parseValues(t, values)))
		if got := check.HelperImage(&pod.Spec); got != want {
			t.Errorf("%s: %s, want %s", values, got, want)
		}
	}
}

// Go's templates print 1000680000 as 1.00068e+09 if nobody takes care.
func TestLargeNumbersStayNumbers(t *testing.T) {
	t.Parallel()
	got := loaded(t, objects(t, parseValues(t, `policies: {big: {runAsUser: 1000680000, helpers: {date-writer: {}}}}`)))
	if user := got["big"].Helpers["date-writer"].RunAsUser; user == nil || *user != 1000680000 {
		t.Errorf("runAsUser is %v", user)
	}
}

// The name of the ConfigMap is what rolls the Deployment.
func TestOtherPoliciesAreAnotherConfigMap(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, values := range []string{
		`policies: {web: {helpers: {date-writer: {}}}}`,
		`policies: {web: {helpers: {ipc: {}}}}`,
		`policies: {web: {helpers: {date-writer: {}}}, api: {helpers: {}}}`,
		"helperImage: a/b:c\npolicies: {web: {helpers: {date-writer: {}}}}",
		"helpers: {log-shipper: " + shipper + "}\npolicies: {web: {helpers: {date-writer: {}}}}",
		strings.Replace("helpers: {log-shipper: "+shipper+"}\npolicies: {web: {helpers: {date-writer: {}}}}", "4.0.3", "4.0.4", 1),
	} {
		for range 2 { // the same values, the same name
			all := objects(t, parseValues(t, values))
			name := ofKind[corev1.ConfigMap](t, all, "ConfigMap")[0].Name
			names[name] = true
			pod := podOf(t, all)
			if volumes := pod.Spec.Volumes; volumes[len(volumes)-1].ConfigMap.Name != name {
				t.Errorf("the pods mount %s, want %s", volumes[len(volumes)-1].ConfigMap.Name, name)
			}
		}
	}
	if len(names) != 6 {
		t.Errorf("six sets of policies have the names %v", names)
	}
}

// shipper is the spec of a helper that is not one of ours.
const shipper = `{description: Ships logs., run: Sidecar, options: [
  {name: mount-path, type: absolute path, required: true, example: /logs, description: Where they are.},
  {name: flush, type: duration, default: 5s, max: 5m, example: 10s, description: How long a line may wait.},
  {name: batch, type: integer, default: 1000680000, example: 5, description: A large number.}],
  volumes: [{name: logs, emptyDir: {sizeLimit: 1Gi}, app: {mountPath: {option: mount-path}}}],
  container: {image: "registry.acme.example/shipper:4.0.3", args: [{prefix: --flush=, option: flush}, {prefix: --batch=, option: batch}],
    mounts: [{volume: logs, path: /logs, readOnly: true}], resources: {requests: {cpu: 0.01, memory: 32Mi}, limits: {cpu: 1, memory: 134217728}}}}`

func TestHelpersOfThePlatformStandBesideThePolicies(t *testing.T) {
	t.Parallel()
	values := "helpers: {log-shipper: " + shipper + "}\n"
	got := loaded(t, objects(t, parseValues(t, values+`policies: {web: {helpers: {log-shipper: {options: {flush: {min: 2s}}}}}}`)))
	h := got["web"].Helpers["log-shipper"]
	if h == nil {
		t.Fatal("the policy does not list it")
	}
	if least := h.Rules["flush"].Min.Text; h.Image != "registry.acme.example/shipper:4.0.3" || least != "2s" {
		t.Errorf("image %s, the least %s", h.Image, least)
	}
	o := got["web"].Known.Find("log-shipper").Option("batch")
	if value, _, err := rule.Effective(o, nil); value != "1000680000" || err != nil {
		t.Errorf("a large number is %s, %v", value, err)
	}
	// Without a policy of one's own there is the built-in one, which lists none of them.
	got = loaded(t, objects(t, parseValues(t, values)))
	if diff := cmp.Diff([]string{"default"}, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	if hash := policy.Builtin().Hash; got["default"].Hash != hash {
		t.Errorf("the hash is %s, want %s", got["default"].Hash, hash)
	}
}
