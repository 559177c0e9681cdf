// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/renewal"
)

// takes is an entry for the namespaces with an expression about the label.
func takes(t *testing.T, name, path, expression string) entry {
	t.Helper()
	e := entry{path: path}
	e.Name = name
	e.NamespaceSelector = decoded[metav1.LabelSelector](t, "{matchExpressions: [{key: pillion.dev/policy, "+expression+"}]}")
	return e
}

func TestEntries(t *testing.T) {
	t.Parallel()
	none := takes(t, "inject", "/inject/default", "operator: DoesNotExist")
	spelled := takes(t, "default", "/inject/default", "operator: In, values: [default]")
	web := takes(t, "web", "/inject/web", "operator: In, values: [web]")
	unknown := takes(t, "unknown", "/inject/unknown", "operator: Exists}, {key: pillion.dev/policy, operator: NotIn, values: [default, web]")
	for name, c := range map[string]struct {
		entries []entry
		want    string
	}{
		"one for each": {[]entry{none, spelled, web, unknown}, "ok entries: each namespace reaches one entry; the policies are default and web\n"},
		"unknown names are left out": {
			[]entry{none, spelled, web},
			"warning entries: no entry takes the namespaces whose label pillion.dev/policy names no policy: pods there that ask for a helper start without it, and no error says so\n",
		},
		"the paths of two are swapped": {
			[]entry{none, takes(t, "d", "/inject/web", "operator: In, values: [default]"), takes(t, "w", "/inject/default", "operator: In, values: [web]"), unknown},
			"failed entries: d takes the namespaces with the label pillion.dev/policy=default, and calls /inject/web instead of /inject/default\n" +
				"failed entries: w takes the namespaces with the label pillion.dev/policy=web, and calls /inject/default instead of /inject/web\n",
		},
		"one twice": {
			[]entry{none, spelled, web, takes(t, "other", "/inject/web", "operator: In, values: [web]"), unknown},
			"failed entries: web and other both take the namespaces with the label pillion.dev/policy=web: their pods are changed twice, under two policies\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &look{link: Entries, entriesOf: c.entries}
			if err := l.entries(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, l.said()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestLabelsOfNamespaces(t *testing.T) {
	t.Parallel()
	entries := []entry{
		takes(t, "inject", "/inject/default", "operator: DoesNotExist"),
		takes(t, "web", "/inject/web", "operator: In, values: [web]}, {key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system]"),
		takes(t, "unknown", "/inject/unknown", "operator: Exists}, {key: pillion.dev/policy, operator: NotIn, values: [default, web]}, {key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system]"),
	}
	for name, c := range map[string]struct{ namespace, label, want string }{
		"of a policy":                  {"shop", "web", "ok namespaces: 1 namespace with the label pillion.dev/policy, which names a policy that exists\n"},
		"of no policy":                 {"shop", "wep", "warning namespaces: the namespace shop has the label pillion.dev/policy=wep, and the policies are default and web: pods there that ask for a helper are denied\n"},
		"where no webhook is asked":    {"kube-system", "web", "failed namespaces: the namespace kube-system has the label pillion.dev/policy=web, and no entry is sent its pods: it does nothing there\n"},
		"of no policy and not of ours": {"kube-system", "wep", "failed namespaces: the namespace kube-system has the label pillion.dev/policy=wep, and no entry is sent its pods: it does nothing there\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := at(Namespaces, fake{objects: map[string]string{"/api/v1/namespaces": fmt.Sprintf(
				"[{metadata: {name: %[1]s, labels: {kubernetes.io/metadata.name: %[1]s, pillion.dev/policy: %[2]s}}}]", c.namespace, c.label)}})
			l.entriesOf = entries
			if err := l.namespaces(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, l.said()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWhoFillsInTheCA(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ annotations, want string }{
		"nobody": {"{}", "write the authority's certificate into it, or have cert-manager do so: kubectl annotate mutatingwebhookconfiguration/pillion cert-manager.io/inject-ca-from=NAMESPACE/CERTIFICATE"},
		"cert-manager": {
			"{cert-manager.io/inject-ca-from: pillion-system/pillion-webhook}",
			"cert-manager's cainjector writes it; see whether it runs: kubectl get pods -A -l app=cainjector",
		},
		"the chart's Job": {
			"{" + renewal.RevisionAnnotation + ": a}",
			"the CronJob of the certificates writes it; have it run now: kubectl -n pillion-system get cronjobs; kubectl -n pillion-system create job ca-bundle --from=cronjob/NAME",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := at(CABundle, fake{})
			meta := decoded[metav1.ObjectMeta](t, "{name: pillion, annotations: "+c.annotations+"}")
			l.entriesOf = []entry{newEntry("mutatingwebhookconfiguration", meta, admissionregistrationv1.MutatingWebhook{
				ClientConfig: *decoded[admissionregistrationv1.WebhookClientConfig](t, "{service: {namespace: pillion-system, name: pillion-webhook}}"),
			})}
			if diff := cmp.Diff(c.want, l.fillIn()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
