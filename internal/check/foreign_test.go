// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// AKS adds a requirement to the selector of each webhook. That is no error, and it is no riddle
// either when the next upgrade conflicts.
func TestSelectorsThatOthersWroteAreNamed(t *testing.T) {
	t.Parallel()
	const (
		ours   = "{key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system]}, {key: pillion.dev/policy, operator: DoesNotExist}"
		shop   = ours + ", {key: team, operator: In, values: [shop, web]}"
		enforc = "{key: control-plane, operator: NotIn, values: ['true']}"
		aks    = `; to do: keep AKS away, or the next server-side apply (Helm 4, Flux, Argo CD) conflicts: set certificates.configurationAnnotations to ` +
			`{admissions.enforcer/disabled: "true"} in the chart (values-aks.yaml), and apply once with --force-conflicts` + "\n"
		others = "; to do: if that is meant, nothing; if a server-side apply (Helm 4, Flux, Argo CD) says that the field is another's: once with --force-conflicts\n"
	)
	type wrote map[string][]string // manager to fields, of each entry
	entryOf := func(name, namespaces, objects string) string {
		return fmt.Sprintf("{name: %s, namespaceSelector: {%s}, objectSelector: {%s}, rules: [{operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [pods]}], clientConfig: {%s}}",
			name, namespaces, objects, serviceIn("one"))
	}
	all := []string{"rules", "namespaceSelector", "objectSelector"}
	for name, c := range map[string]struct {
		entries []string
		wrote   []wrote // of each
		want    string
	}{
		"nobody else's": {
			[]string{entryOf("inject.pillion.dev", "matchExpressions: ["+shop+"]", "matchLabels: {a: b}")},
			[]wrote{{"helm": all, "cainjector": {"clientConfig"}}},
			"",
		},
		"AKS's": {
			[]string{entryOf("inject.pillion.dev", "matchExpressions: ["+ours+", "+enforc+"]", "")},
			[]wrote{{"helm": {"rules", "objectSelector"}, "admissionsenforcer": {"namespaceSelector"}}},
			"warning settings: admissionsenforcer added control-plane NotIn [true] to the namespaceSelector of inject.pillion.dev" + aks,
		},
		"AKS's in two entries, one sentence": {
			[]string{
				entryOf("inject.pillion.dev", "matchExpressions: ["+ours+", "+enforc+"]", ""),
				entryOf("web.inject.pillion.dev", "matchExpressions: ["+ours+", "+enforc+"]", ""),
			},
			[]wrote{{"helm": {"rules"}, "admissionsenforcer": {"namespaceSelector"}}, {"helm": {"rules"}, "admissionsenforcer": {"namespaceSelector"}}},
			"warning settings: admissionsenforcer added control-plane NotIn [true] to the namespaceSelector of inject.pillion.dev and web.inject.pillion.dev" + aks,
		},
		"AKS's beside what the chart's values require": {
			[]string{
				entryOf("inject.pillion.dev", "matchExpressions: ["+shop+", "+enforc+"]", ""),
				entryOf("web.inject.pillion.dev", "matchExpressions: ["+shop+"]", ""),
			},
			[]wrote{{"helm": {"rules", "objectSelector"}, "admissionsenforcer": {"namespaceSelector"}}, {"helm": all}},
			"warning settings: admissionsenforcer added control-plane NotIn [true] to the namespaceSelector of inject.pillion.dev" + aks,
		},
		"a person's, in an objectSelector": {
			[]string{entryOf("inject.pillion.dev", "matchExpressions: ["+ours+"]", "matchLabels: {tier: web}, matchExpressions: [{key: skip, operator: DoesNotExist}]")},
			[]wrote{{"kubectl-client-side-apply": {"rules", "namespaceSelector"}, "kubectl-edit": {"objectSelector"}}},
			"warning settings: kubectl-edit added tier=web and skip DoesNotExist to the objectSelector of inject.pillion.dev" + others,
		},
		"taken over by the installer since": {
			[]string{entryOf("inject.pillion.dev", "matchExpressions: ["+ours+", "+enforc+"]", "")},
			[]wrote{{"helm": all, "admissionsenforcer": {"namespaceSelector"}}},
			"",
		},
		"another's, who added nothing": {
			[]string{entryOf("inject.pillion.dev", "matchExpressions: ["+ours+"]", "")},
			[]wrote{{"helm": {"rules"}, "argocd": {"namespaceSelector", "objectSelector"}}},
			"",
		},
		"nobody recorded": {
			[]string{entryOf("inject.pillion.dev", "matchExpressions: ["+ours+", "+enforc+"]", "")}, []wrote{{}}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var managed []string
			for i, byManager := range c.wrote {
				entry := decoded[admissionregistrationv1.MutatingWebhook](t, c.entries[i])
				for manager, fields := range byManager {
					managed = append(managed, fmt.Sprintf(`{manager: %s, operation: Update, fieldsV1: {"f:webhooks": {'k:{"name":"%s"}': {".": {}, "f:%s": {}}}}}`,
						manager, entry.Name, strings.Join(fields, `": {}, "f:`)))
				}
			}
			configuration := decoded[admissionregistrationv1.MutatingWebhookConfiguration](t,
				"{metadata: {name: pillion, managedFields: ["+strings.Join(managed, ", ")+"]}, webhooks: ["+strings.Join(c.entries, ", ")+"]}")
			l := &look{link: Settings}
			l.othersSelectors(mutatingEntries(configuration))
			var got strings.Builder
			for _, r := range l.results {
				fmt.Fprintf(&got, "%s %s: %s; to do: %s\n", r.Outcome, r.Name, r.Message, r.Remedy)
			}
			if diff := cmp.Diff(c.want, got.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
