// SPDX-License-Identifier: Apache-2.0

package check

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
			"warning entries: no entry takes the namespaces whose label pillion.dev/policy names no policy: pods there that ask for a helper start without it, and nobody says so\n",
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
