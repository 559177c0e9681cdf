// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/test/chart/render"
)

func TestTheNotesSayWhatIsLeftToDo(t *testing.T) {
	t.Parallel()
	const secret = `certificates: {source: secret, secretName: a, configurationAnnotations: {a: b}}`
	for name, tt := range map[string]struct {
		values    string
		want, not []string
	}{
		"with cert-manager": {
			``,
			[]string{"Until then pods that request a helper are denied", "kubectl pillion check -n pillion-system", "helm test pillion -n pillion-system", "kubectl run web", "cert-manager leaves Secrets behind"},
			[]string{"TO DO", "WARNING", "EVERY pod", "Policies:"},
		},
		"with a Secret": {
			secret,
			[]string{"TO DO, unless it exists already: create the Secret a of type kubernetes.io/tls", "pillion-webhook.pillion-system.svc"},
			[]string{"cert-manager leaves"},
		},
		"with a Job":                        {`certificates: {source: job}`, []string{"A Job now creates the certificate"}, []string{"TO DO", "cert-manager"}},
		"with an issuer":                    {`certificates: {source: issuer, issuerRef: {name: a, kind: ClusterIssuer}}`, []string{"Your ClusterIssuer a issues", "It has to write ca.crt"}, nil},
		"with Ignore and without the guard": {"failurePolicy: Ignore\nfinalStateGuard: {enabled: false}", []string{"WARNING: with failurePolicy Ignore and without finalStateGuard.enabled"}, []string{"are denied"}},
		"with Ignore and the guard": {
			"failurePolicy: Ignore",
			[]string{"except those that the final-state guard denies"},
			[]string{"WARNING"},
		},
		"with a default that does not have the example's helper": {
			`policies: {default: {helpers: {ipc: {}}}, web: {helpers: {}}}`,
			[]string{"Policies: default, web.", "pillion.dev/policy=web"},
			[]string{"kubectl run web"},
		},
		"with a policy about every pod": {
			`policies: {audited: {require: [{helper: date-writer}], helpers: {date-writer: {}}}}`,
			[]string{`The policy "audited" applies to EVERY pod of its namespaces: while no replica`},
			[]string{`policy "default" applies`},
		},
		"on the node's network": {`hostNetwork: true`, []string{"pod-security.kubernetes.io/enforce=privileged"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rendered, err := render.Unchecked(root, parseValues(t, tt.values))
			if err != nil {
				t.Fatal(err)
			}
			notes := rendered["NOTES.txt"]
			for _, want := range tt.want {
				if !strings.Contains(notes, want) {
					t.Errorf("the notes do not say %q:\n%s", want, notes)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(notes, not) {
					t.Errorf("the notes say %q:\n%s", not, notes)
				}
			}
		})
	}
}
