// SPDX-License-Identifier: Apache-2.0

package check

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// hooks is a configuration with one entry that is sent pods.
func hooks(name, meta, entry, to string) string {
	return "{metadata: {name: " + name + meta + "}, webhooks: [{name: " + entry + ", clientConfig: {" + to + "}, " +
		"rules: [{operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [pods]}]}]}"
}

func serviceIn(namespace string) string {
	return "service: {namespace: " + namespace + ", name: w, path: /inject/default}"
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	const path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
	for name, c := range map[string]struct{ namespace, list, want string }{
		"found by the names of entries": {"", hooks("a", "", "inject.pillion.dev", serviceIn("one")), "ok configuration: a calls the Service one/w\n"},
		"found by a label":              {"", hooks("a", ", labels: {app.kubernetes.io/part-of: pillion}", "pods.acme.example", serviceIn("one")), "ok configuration: a calls the Service one/w\n"},
		"called by a URL":               {"", hooks("a", "", "web.inject.pillion.dev", "url: 'https://pillion.acme.example:8443/inject/web'"), "ok configuration: a calls https://pillion.acme.example:8443\n"},
		"another's domain that looks like ours": {
			"", hooks("a", "", "xinject.pillion.dev", serviceIn("one")) + ", " + hooks("b", "", "inject.pillion.dev.acme.example", serviceIn("one")),
			"failed configuration: no MutatingWebhookConfiguration of this cluster calls Pillion, so no pod gets a helper\n",
		},
		"two installations": {
			"", hooks("a", "", "inject.pillion.dev", serviceIn("one")) + ", " + hooks("b", "", "inject.pillion.dev", serviceIn("two")),
			"warning configuration: there is more than one installation: b calls the Service two/w, and a calls the Service one/w; only that one is checked\n",
		},
		"the other of two": {
			"two", hooks("a", "", "inject.pillion.dev", serviceIn("one")) + ", " + hooks("b", "", "inject.pillion.dev", serviceIn("two")),
			"warning configuration: there is more than one installation: a calls the Service one/w, and b calls the Service two/w; only that one is checked\n",
		},
		"one in two configurations": {
			"", hooks("a", "", "inject.pillion.dev", serviceIn("one")) + ", " + hooks("b", "", "web.inject.pillion.dev", serviceIn("one")),
			"ok configuration: a and b call the Service one/w\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &look{Options: Options{Namespace: c.namespace}, cluster: fake{objects: map[string]string{path: "[" + c.list + "]"}}, link: Configuration}
			if err := l.configuration(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, l.said()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	const good = "name: inject.pillion.dev, failurePolicy: Fail, reinvocationPolicy: IfNeeded, sideEffects: None, timeoutSeconds: 5"
	for name, c := range map[string]struct{ entry, want string }{
		"as they should be": {good, "ok settings: failurePolicy Fail, reinvocationPolicy IfNeeded, sideEffects None; what the later webhooks of zzz change is reviewed in a second call\n"},
		"no second look": {
			"name: i, reinvocationPolicy: Never, sideEffects: None",
			"warning settings: reinvocationPolicy is not IfNeeded in i: what webhooks change after Pillion is not seen by it; those of zzz come after it\n",
		},
		"a long wait": {
			"name: i, reinvocationPolicy: IfNeeded, sideEffects: None, timeoutSeconds: 30",
			"warning settings: timeoutSeconds is not between 2 and 10 in i: a pod waits too long while the webhook is down, or not until another replica was asked\n",
		},
		"side effects": {
			"name: i, reinvocationPolicy: IfNeeded, sideEffects: NoneOnDryRun",
			"warning settings: sideEffects is not None in i, but Pillion has none\n",
		},
		"Ignore, and nobody may look for the guard": {
			"name: i, failurePolicy: Ignore, reinvocationPolicy: IfNeeded, sideEffects: None",
			"warning settings: failurePolicy is Ignore in i, and whether the final-state guard makes that safe could not be read: validatingadmissionpolicies is forbidden: you may not\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := at(Settings, fake{objects: map[string]string{"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies": "forbidden"}})
			l.entriesOf[0].MutatingWebhook = *decoded[admissionregistrationv1.MutatingWebhook](t, "{"+c.entry+", clientConfig: {}, admissionReviewVersions: [v1]}")
			for _, name := range []string{"aaa", "pillion", "zzz"} {
				l.mutating = append(l.mutating, *decoded[admissionregistrationv1.MutatingWebhookConfiguration](t, hooksOf(name)))
			}
			if err := l.settings(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, l.said()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func hooksOf(name string) string {
	return "{metadata: {name: " + name + "}, webhooks: [{name: a.example.com, clientConfig: {}, sideEffects: None, admissionReviewVersions: [v1], " +
		"rules: [{operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*']}]}]}"
}
