// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
)

// entry is one webhook of a configuration, of either kind.
type entry struct {
	name, path string
	selector   labels.Selector
	shared     any // what all entries of a configuration have in common
	conditions []string
}

// manifests are the entries and the policies of a kustomization.
type manifests struct {
	inject, warn, namespaces []entry
	policies                 []string
	adding                   []string // those that add something to pods that do not ask
}

// The API server picks the entry, so its selectors have to say what the policies are:
// no namespace may reach two, none may reach none, and each reaches its own.
func TestEntriesAndPoliciesAgree(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string][]string{"config/webhook": {"default"}, overlay: {"assisted", "audited", "default", "trial", "web"}} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			m := read(t, dir)
			if diff := cmp.Diff(want, m.policies); diff != "" {
				t.Fatalf("policies (-want +got):\n%s", diff)
			}
			for _, c := range []struct {
				entries []entry
				path    string
			}{{m.inject, "/inject/"}, {m.warn, "/warn/"}} {
				for _, e := range c.entries {
					if diff := cmp.Diff(c.entries[0].shared, e.shared); diff != "" {
						t.Errorf("%s and %s differ:\n%s", c.entries[0].name, e.name, diff)
					}
					want := c.entries[0].conditions
					if slices.Contains(m.adding, strings.TrimPrefix(e.path, c.path)) { // whatever the pods say
						want = slices.DeleteFunc(slices.Clone(want), func(name string) bool { return name == "asks-for-pillion" })
					}
					if !slices.Equal(want, e.conditions) {
						t.Errorf("%s has the conditions %v, want %v", e.name, e.conditions, want)
					}
				}
				for _, p := range append([]string{"", "unknown", "wbe", "Default", "defaul"}, m.policies...) {
					want := c.path + p
					if !slices.Contains(m.policies, p) {
						want = c.path + inject.NoPolicy
					}
					one(t, c.entries, labels.Set{inject.PolicyLabel: p}, want)
				}
				one(t, c.entries, labels.Set{"team": "web"}, c.path+policy.DefaultName)
			}
			for _, p := range append([]string{"", "wbe"}, m.policies...) {
				var want []string
				if !slices.Contains(m.policies, p) {
					want = []string{"/namespace"}
				}
				if diff := cmp.Diff(want, reached(m.namespaces, labels.Set{inject.PolicyLabel: p, metav1NameLabel: "shop"})); diff != "" {
					t.Errorf("a namespace with the label %q (-want +got):\n%s", p, diff)
				}
			}
		})
	}
}

const metav1NameLabel = "kubernetes.io/metadata.name"

// one wants a namespace with labels to reach one path, unless it is the cluster's own.
func one(t *testing.T, entries []entry, set labels.Set, want string) {
	t.Helper()
	for name, paths := range map[string][]string{"shop": {want}, "kube-system": nil, "kube-node-lease": nil, "pillion-system": nil} {
		if diff := cmp.Diff(paths, reached(entries, labels.Merge(set, labels.Set{metav1NameLabel: name}))); diff != "" {
			t.Errorf("%s with the labels %v reaches (-want +got):\n%s", name, set, diff)
		}
	}
}

// reached are the paths of the entries that select a namespace.
func reached(entries []entry, set labels.Set) []string {
	var paths []string
	for _, e := range entries {
		if e.selector.Matches(set) {
			paths = append(paths, e.path)
		}
	}
	return paths
}

func read(t *testing.T, dir string) manifests {
	t.Helper()
	objects, err := plane.Manifests(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	m := manifests{policies: []string{policy.DefaultName}} // the built-in one, unless there are files
	for i := range objects {
		switch o := &objects[i]; o.GetKind() {
		case "ConfigMap":
			m.policies, m.adding = policiesOf(t, o)
		case "MutatingWebhookConfiguration":
			var c admissionregistrationv1.MutatingWebhookConfiguration
			convert(t, o, &c)
			for _, w := range c.Webhooks {
				e := entryOf(t, w.Name, w.ClientConfig, w.NamespaceSelector)
				e.conditions = conditionNames(w.MatchConditions)
				w.Name, w.ClientConfig, w.NamespaceSelector, w.MatchConditions = "", admissionregistrationv1.WebhookClientConfig{}, nil, nil
				e.shared = w
				m.inject = append(m.inject, e)
			}
		case "ValidatingWebhookConfiguration":
			var c admissionregistrationv1.ValidatingWebhookConfiguration
			convert(t, o, &c)
			for _, w := range c.Webhooks {
				if *w.FailurePolicy != admissionregistrationv1.Ignore || *w.TimeoutSeconds > 2 {
					t.Errorf("%s could hold somebody up: %s, %d s", w.Name, *w.FailurePolicy, *w.TimeoutSeconds)
				}
				if w.Name == "object.warn.pillion.dev" {
					continue // it has no policy
				}
				e := entryOf(t, w.Name, w.ClientConfig, w.NamespaceSelector)
				if w.Rules[0].Resources[0] == "namespaces" {
					m.namespaces = append(m.namespaces, e)
					continue
				}
				e.conditions = conditionNames(w.MatchConditions)
				w.Name, w.ClientConfig, w.NamespaceSelector, w.MatchConditions = "", admissionregistrationv1.WebhookClientConfig{}, nil, nil
				e.shared = w
				m.warn = append(m.warn, e)
			}
		}
	}
	return m
}

// conditionNames are the names of match conditions, each of which has one expression.
func conditionNames(all []admissionregistrationv1.MatchCondition) []string {
	names := []string{}
	for _, c := range all {
		names = append(names, c.Name)
	}
	return names
}

func entryOf(t *testing.T, name string, to admissionregistrationv1.WebhookClientConfig, selector *metav1.LabelSelector) entry {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	if to.Service == nil || to.Service.Path == nil {
		t.Fatalf("%s has no path", name)
	}
	return entry{name: name, path: *to.Service.Path, selector: s}
}

func convert(t *testing.T, from *unstructured.Unstructured, to any) {
	t.Helper()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(from.Object, to, true); err != nil {
		t.Fatal(err)
	}
}

// policiesOf are the names of the policies in a ConfigMap's files, and of those among them
// that add something to pods that do not ask.
func policiesOf(t *testing.T, configMap *unstructured.Unstructured) (all, adding []string) {
	t.Helper()
	data, _, err := unstructured.NestedStringMap(configMap.Object, "data")
	if err != nil || !strings.HasPrefix(configMap.GetName(), "pillion-policies") {
		t.Fatalf("%s: %v", configMap.GetName(), err)
	}
	names := map[string]bool{}
	for file, text := range data {
		p, err := policy.Parse([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		names[p.Name] = true
		if p.Adds() {
			adding = append(adding, p.Name)
		}
	}
	return slices.Sorted(maps.Keys(names)), adding
}

// The overlay spells the built-in policy out, and must not mean another.
func TestTheDefaultOfTheOverlayIsTheBuiltinPolicy(t *testing.T) {
	t.Parallel()
	loaded, err := policy.LoadFile("../../" + overlay + "/policies/default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if want := policy.Builtin().Hash; loaded.Hash != want {
		t.Errorf("the hash is %s, want %s", loaded.Hash, want)
	}
}
