// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/pillion-dev/pillion/test/chart/render"
)

// entry is what decides whether a pod or a workload reaches a policy.
type entry struct {
	name, path string
	conditions []string
	selector   labels.Selector
}

// entriesOf are the entries of both configurations: of pods, of workloads, of namespaces.
func entriesOf(t *testing.T, all []unstructured.Unstructured) (pods, workloads, namespaces []entry) {
	t.Helper()
	add := func(to *[]entry, name string, config admissionregistrationv1.WebhookClientConfig, selector *metav1.LabelSelector, conditions []admissionregistrationv1.MatchCondition) {
		s, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil {
			t.Fatal(err)
		}
		e := entry{name: name, path: *config.Service.Path, selector: s}
		for _, c := range conditions {
			e.conditions = append(e.conditions, c.Name)
		}
		*to = append(*to, e)
	}
	for _, c := range ofKind[admissionregistrationv1.MutatingWebhookConfiguration](t, all, "MutatingWebhookConfiguration") {
		for _, w := range c.Webhooks {
			add(&pods, w.Name, w.ClientConfig, w.NamespaceSelector, w.MatchConditions)
		}
	}
	for _, c := range ofKind[admissionregistrationv1.ValidatingWebhookConfiguration](t, all, "ValidatingWebhookConfiguration") {
		for _, w := range c.Webhooks {
			if w.Name == "object.warn.pillion.dev" {
				continue // it has no policy
			}
			to := &workloads
			if w.Rules[0].Resources[0] == "namespaces" {
				to = &namespaces
			}
			add(to, w.Name, w.ClientConfig, w.NamespaceSelector, w.MatchConditions)
		}
	}
	return pods, workloads, namespaces
}

// reached are the paths that a namespace with these labels reaches.
func reached(entries []entry, set labels.Set) []string {
	var paths []string
	for _, e := range entries {
		if e.selector.Matches(set) {
			paths = append(paths, e.path)
		}
	}
	return paths
}

// Two entries would review a pod under two policies, and none would let it pass in silence.
func TestEachNamespaceReachesExactlyOnePolicy(t *testing.T) {
	t.Parallel()
	const label = "pillion.dev/policy"
	for name, values := range cases(t) {
		excluded := []string{"kube-system", "kube-node-lease", render.Namespace}
		policies, _ := values["policies"].(map[string]any)
		more, _ := values["excludedNamespaces"].([]any)
		for _, n := range more {
			excluded = append(excluded, fmt.Sprint(n))
		}
		pods, workloads, namespaces := entriesOf(t, objects(t, values))
		for _, value := range []string{"-", "", "default", "unknown", "wbe", "Default", "web", "big", "audited", "greeted"} {
			set := labels.Set{"kubernetes.io/metadata.name": "shop", label: value, "acme.example/tenant": "true"} // as "everything" wants it
			want := "unknown"
			if _, known := policies[value]; known || value == "default" {
				want = value
			}
			warned := []string{"/namespace"}
			if value == "-" { // no label at all
				delete(set, label)
				want = "default"
			}
			if want != "unknown" {
				warned = nil
			}
			for _, c := range []struct {
				entries []entry
				want    []string
			}{{pods, []string{"/inject/" + want}}, {workloads, []string{"/warn/" + want}}, {namespaces, warned}} {
				if diff := cmp.Diff(c.want, reached(c.entries, set)); diff != "" {
					t.Errorf("%s: a namespace with the policy %q reaches (-want +got):\n%s", name, value, diff)
				}
			}
			for _, own := range excluded {
				set["kubernetes.io/metadata.name"] = own
				if paths := slices.Concat(reached(pods, set), reached(workloads, set), reached(namespaces, set)); paths != nil {
					t.Errorf("%s: %s with the policy %q reaches %v", name, own, value, paths)
				}
			}
		}
	}
}

// Helm 4 applies on the server, where the controller that fills in caBundle owns a part of each entry. An
// entry that a release no longer has would stay, with that part and nothing else, and be
// rejected. So what comes and goes with values is whole configurations. Unknown policies are
// the last to be changed, so that no namespace is without an entry in between.
func TestNoEntryLeavesAConfigurationThatStays(t *testing.T) {
	t.Parallel()
	const want = "pillion: inject default.inject\n" +
		"pillion-policy-a: a.inject\n" +
		"pillion-policy-b: b.inject\n" +
		"pillion-unknown: unknown.inject\n" +
		"pillion: warn default.warn\n" +
		"pillion-policy-a: a.warn\n" +
		"pillion-policy-b: b.warn\n" +
		"pillion-unknown: unknown.warn namespace.warn object.warn\n"
	all := objects(t, parseValues(t, `policies: {b: {helpers: {ipc: {}}}, a: {helpers: {ipc: {}}}}`))
	var got strings.Builder
	for _, c := range ofKind[admissionregistrationv1.MutatingWebhookConfiguration](t, all, "MutatingWebhookConfiguration") {
		got.WriteString(c.Name + ":")
		for _, w := range c.Webhooks {
			got.WriteString(" " + strings.TrimSuffix(w.Name, ".pillion.dev"))
		}
		got.WriteString("\n")
	}
	for _, c := range ofKind[admissionregistrationv1.ValidatingWebhookConfiguration](t, all, "ValidatingWebhookConfiguration") {
		got.WriteString(c.Name + ":")
		for _, w := range c.Webhooks {
			got.WriteString(" " + strings.TrimSuffix(w.Name, ".pillion.dev"))
		}
		got.WriteString("\n")
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Only a policy that is about every pod may see pods that ask for nothing.
func TestConditionsFollowFromThePolicy(t *testing.T) {
	t.Parallel()
	const values = `
policies:
  web: {helpers: {date-writer: {}}}
  empty: {require: [], inject: []}
  audited: {require: [{helper: date-writer}]}
  greeted: {inject: [{helper: date-writer}]}
  default: {inject: [{helper: date-writer}]}
`
	// Of policies, only what templates look at is here, and not what the schema wants too.
	rendered, err := render.Unchecked(root, parseValues(t, values))
	if err != nil {
		t.Fatal(err)
	}
	delete(rendered, "NOTES.txt")
	pods, workloads, namespaces := entriesOf(t, objectsIn(t, rendered))
	const asks, person = "asks-for-pillion", "written-by-a-person"
	want := map[string][]string{
		"inject.pillion.dev": nil, "default.inject.pillion.dev": nil,
		"audited.inject.pillion.dev": nil, "greeted.inject.pillion.dev": nil,
		"web.inject.pillion.dev": {asks}, "empty.inject.pillion.dev": {asks}, "unknown.inject.pillion.dev": {asks},
		"warn.pillion.dev": {person}, "default.warn.pillion.dev": {person},
		"audited.warn.pillion.dev": {person}, "greeted.warn.pillion.dev": {person},
		"web.warn.pillion.dev": {person, asks}, "empty.warn.pillion.dev": {person, asks}, "unknown.warn.pillion.dev": {person, asks},
		"namespace.warn.pillion.dev": nil,
	}
	got := map[string][]string{}
	for _, e := range slices.Concat(pods, workloads, namespaces) {
		got[e.name] = e.conditions
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Keys where nothing reads them are looked for in all namespaces that Pillion is for, once.
func TestOneEntryIsAboutKeysWhereNobodyReadsThem(t *testing.T) {
	t.Parallel()
	for name, values := range cases(t) {
		var got []admissionregistrationv1.ValidatingWebhook
		for _, c := range ofKind[admissionregistrationv1.ValidatingWebhookConfiguration](t, objects(t, values), "ValidatingWebhookConfiguration") {
			for _, w := range c.Webhooks {
				if *w.ClientConfig.Service.Path == "/object" {
					got = append(got, w)
				}
			}
		}
		if len(got) != 1 || *got[0].FailurePolicy != admissionregistrationv1.Ignore || len(got[0].MatchConditions) != 2 {
			t.Errorf("%s: the entries are %v", name, got)
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(got[0].NamespaceSelector)
		if err != nil {
			t.Fatal(err)
		}
		for namespace, want := range map[string]bool{"shop": true, "kube-system": false, render.Namespace: false} {
			if selector.Matches(labels.Set{"kubernetes.io/metadata.name": namespace, "acme.example/tenant": "true"}) != want {
				t.Errorf("%s: of %s is %v", name, namespace, !want)
			}
		}
	}
}

// Where a kind of others holds its pods no expression can know, so all of its objects are sent.
func TestKindsThatAreNamedAreSent(t *testing.T) {
	t.Parallel()
	all := objects(t, parseValues(t, `workloads: [{apiGroup: argoproj.io, resources: [rollouts]}, {apiGroup: apps.kruise.io, resources: [clonesets, daemonsets]}]`))
	for _, c := range ofKind[admissionregistrationv1.ValidatingWebhookConfiguration](t, all, "ValidatingWebhookConfiguration") {
		for _, w := range c.Webhooks {
			if !strings.HasPrefix(*w.ClientConfig.Service.Path, "/warn/") {
				continue
			}
			var got []string
			for _, r := range w.Rules {
				got = append(got, r.APIGroups[0]+" "+r.APIVersions[0]+" "+strings.Join(r.Resources, ","))
			}
			want := []string{
				"apps v1 deployments,statefulsets,daemonsets,replicasets", "batch v1 jobs,cronjobs", " v1 replicationcontrollers,podtemplates",
				"argoproj.io * rollouts", "apps.kruise.io * clonesets,daemonsets",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", w.Name, diff)
			}
			for _, m := range w.MatchConditions {
				if m.Name == "asks-for-pillion" && !strings.HasPrefix(m.Expression, "!(request.resource.group in ['', 'apps', 'batch']) || ") {
					t.Errorf("%s: the condition is %s", w.Name, m.Expression)
				}
			}
		}
	}
}

// Who fills in a CA owns the field. Written by two, each apply is a fight.
func TestTheCAIsWrittenByOne(t *testing.T) {
	t.Parallel()
	const inject = "cert-manager.io/inject-ca-from"
	const pem = "certificates: {caBundle: \"-----BEGIN CERTIFICATE-----\\nabc\\n-----END CERTIFICATE-----\\n\", "
	for name, tt := range map[string]struct {
		values      string
		bundle      bool
		annotations map[string]string
	}{
		"by cert-manager":                            {``, false, map[string]string{inject: "pillion-system/pillion-webhook"}},
		"by cert-manager, from an issuer":            {`certificates: {source: issuer, issuerRef: {name: a}}`, false, map[string]string{inject: "pillion-system/pillion-webhook"}},
		"by the user, whose issuer does not tell it": {pem + `source: issuer, issuerRef: {name: a}}`, true, nil},
		"by the user":                                {pem + `source: secret, secretName: a}`, true, nil},
		"by the user's platform":                     {`certificates: {source: secret, secretName: a, configurationAnnotations: {x/y: z}}`, false, map[string]string{"x/y": "z"}},
		"by the Job":                                 {`certificates: {source: job}`, false, map[string]string{"pillion.dev/certificates-revision": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := objects(t, parseValues(t, tt.values))
			bundles := map[bool]int{}
			check := func(annotations map[string]string, configs ...admissionregistrationv1.WebhookClientConfig) {
				if _, found := annotations["pillion.dev/certificates-revision"]; found {
					annotations["pillion.dev/certificates-revision"] = "" // a hash of all values
				}
				if diff := cmp.Diff(tt.annotations, annotations); diff != "" {
					t.Errorf("annotations (-want +got):\n%s", diff)
				}
				for _, c := range configs {
					bundles[c.CABundle != nil]++
				}
			}
			for _, c := range ofKind[admissionregistrationv1.MutatingWebhookConfiguration](t, all, "MutatingWebhookConfiguration") {
				for _, w := range c.Webhooks {
					check(c.Annotations, w.ClientConfig)
				}
			}
			for _, c := range ofKind[admissionregistrationv1.ValidatingWebhookConfiguration](t, all, "ValidatingWebhookConfiguration") {
				for _, w := range c.Webhooks {
					check(c.Annotations, w.ClientConfig)
				}
			}
			if bundles[tt.bundle] != 8 || bundles[!tt.bundle] != 0 {
				t.Errorf("of the entries, %d have a caBundle and %d have none", bundles[true], bundles[false])
			}
		})
	}
}

// A name of an entry that occurs twice is rejected by the API server.
func TestNamesThatEntriesHaveAreTaken(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"unknown", "namespace"} {
		_, err := render.Chart(root, parseValues(t, "policies: {"+name+": {helpers: {}}}"))
		if err == nil || !strings.Contains(err.Error(), "policies."+name+": the name is taken by a webhook entry of the chart; choose another one") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A Job cannot be changed, so one with another pod has to have another name, be the chart's
// version what it was or not. And an upgrade may bring entries back that somebody has
// deleted, which trust nobody until a Job has seen them.
func TestEachUpgradeAndEachPodIsAnotherJob(t *testing.T) {
	t.Parallel()
	changed := t.TempDir()
	if err := os.CopyFS(changed+"/charts/pillion", os.DirFS(root+"/charts/pillion")); err != nil {
		t.Fatal(err)
	}
	file := changed + "/charts/pillion/templates/_certificates.tpl"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(text, []byte("memory: 128Mi"), []byte("memory: 129Mi"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	values := parseValues(t, `certificates: {source: job}`)
	job := func(rendered map[string]string, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return regexp.MustCompile(`name: pillion-certificates-[0-9a-f]{10}\n`).FindString(rendered["certificates-job.yaml"])
	}
	names := []string{job(render.Chart(root, values)), job(render.Chart(changed, values)), job(render.Upgrade(root, values))}
	if slices.Contains(names, "") || names[0] == names[1] || names[0] == names[2] {
		t.Errorf("the Jobs of an installation, of one with another pod, and of an upgrade are %q", names)
	}
}
