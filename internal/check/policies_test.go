// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// An edited policy is met by the next replica alone, so those that run say nothing of it.
func TestPoliciesThatTheNextReplicaWouldFind(t *testing.T) {
	t.Parallel()
	const files = "/api/v1/namespaces/pillion-system/configmaps/policies"
	mounted := `{spec: {containers: [{name: webhook, args: [--policy-dir=/p/], volumeMounts: [{name: v, mountPath: /p}]}], volumes: [{name: v, configMap: {name: policies}}]}}`
	for name, c := range map[string]struct {
		pod, files, want string
	}{
		"load":         {mounted, "{data: {default.yaml: default, notes.txt: bad}}", ""},
		"are built in": {`{spec: {containers: [{name: webhook}]}}`, "", ""},
		"have a mistake": {mounted, "{data: {default.yaml: default, web.yaml: bad}}", "failed replicas: the policies in the ConfigMap policies do not load: " +
			"web.yaml: no policy: a replica that starts from now on does not serve\n"},
		"lack one that has an entry": {mounted, "{data: {web.yaml: web}}", "failed replicas: there is an entry for the policy default, and none of the files in the ConfigMap policies has it: " +
			"pods that reach this entry are denied\n"},
		"are gone":        {mounted, "", "failed replicas: the ConfigMap policies, in which the replicas look for their policies, does not exist: a replica that starts from now on does not serve\n"},
		"may not be read": {mounted, "forbidden", "skipped replicas: not checked: you may not get configmaps in the namespace pillion-system\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects := map[string]string{}
			if c.files != "" {
				objects[files] = c.files
			}
			l := at(Replicas, fake{objects: objects})
			l.Load = func(files map[string]string) ([]string, error) {
				for name, text := range files {
					if text == "bad" {
						return nil, errors.New(name + ": no policy")
					}
				}
				return slices.Sorted(maps.Values(files)), nil
			}
			d := deploymentOf(t, 2, 2, "")
			d.Spec.Template.Spec = decoded[corev1.Pod](t, c.pod).Spec
			l.policyFiles(t.Context(), installed{deployment: d})
			if diff := cmp.Diff(c.want, l.said()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What could not be seen is not called whole.
func TestWhatCouldNotBeSeenIsUnknown(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]Outcome{
		"/version": Unknown, "/api/v1/nodes": Skipped,
		"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations": Unknown,
	} {
		results, err := Run(t.Context(), fake{objects: map[string]string{"/version": "{gitVersion: v1.37.0}", path: "forbidden"}}, Options{Now: now()})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(results, func(r Result) bool { return strings.HasPrefix(r.Message, "not checked: you may not ") })
		if i < 0 || results[i].Outcome != want {
			t.Errorf("%s: got %+v, want %s", path, results, want)
		}
	}
	l := at(Secret, fake{})
	l.notRead(object{resource: "secrets"}, denied("no"))
	if !l.matters(Secret) || l.matters(Budget) {
		t.Error("a Secret that nobody has seen matters, and a budget does not")
	}
	l.link = Served
	l.ok("asked")
	if l.matters(Secret) {
		t.Error("what is served tells of the Secret")
	}
}

// A remedy never destroys what it is to mend.
func TestTheRemedyForACertificate(t *testing.T) {
	t.Parallel()
	const secret = "/api/v1/namespaces/pillion-system/secrets/tls"
	for name, c := range map[string]struct {
		secret string
		change func(*look)
		want   string
	}{
		"of cert-manager": {"{data: {}}", func(l *look) { l.entriesOf[0].injectFrom = "a/b" }, "have it issued again; cert-manager does so after kubectl -n pillion-system delete secret tls"},
		"of the Job": {"{data: {}}", func(l *look) { l.entriesOf[0].byJob = true }, "have it issued again: kubectl -n pillion-system get cronjobs; kubectl -n pillion-system create job new-certificate --from=cronjob/NAME; " +
			"do not delete the Secret, which the Job may write but not make"},
		"of somebody": {"{data: {}}", func(*look) {}, "write a valid pair into it, and do not delete it: kubectl -n pillion-system create secret tls tls --cert=FILE --key=FILE --dry-run=client -o yaml | kubectl apply -f -"},
		"of the Job, whose Secret is gone": {"", func(l *look) { l.entriesOf[0].byJob = true }, "apply the installation again, which has the Secret without data; then kubectl -n pillion-system get cronjobs; " +
			"kubectl -n pillion-system create job new-certificate --from=cronjob/NAME"},
		"of somebody, which is gone":     {"", func(*look) {}, "make it: kubectl -n pillion-system create secret tls tls --cert=FILE --key=FILE"},
		"of cert-manager, which is gone": {"", func(l *look) { l.entriesOf[0].injectFrom = "a/b" }, "cert-manager makes it; see whether it runs: kubectl get pods -A -l app=cert-manager"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects := map[string]string{}
			if c.secret != "" {
				objects[secret] = c.secret
			}
			l := at(Secret, fake{objects: objects})
			c.change(l)
			d := deploymentOf(t, 2, 2, "")
			d.Spec.Template.Spec = decoded[corev1.Pod](t, "{spec: {containers: [], volumes: [{name: certs, secret: {secretName: tls}}]}}").Spec
			l.installed = &answer[installed]{value: installed{deployment: d}}
			if err := l.secret(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(l.results) != 1 || l.results[0].Outcome != Failed || l.results[0].Remedy != c.want {
				t.Errorf("got %+v\nwant the remedy %s", l.results, c.want)
			}
		})
	}
}

// Pods that ask where nobody hears them start without their helpers.
func TestNamespacesThatAreLeftOut(t *testing.T) {
	t.Parallel()
	const none = "ok namespaces: none has the label pillion.dev/policy, so all have the policy default"
	pods := "[{metadata: {name: quiet}}, {metadata: {name: web, annotations: {date-writer.pillion.dev/mount-path: /html}}}]"
	for name, c := range map[string]struct{ system, pods, want string }{
		"where pods ask":              {"pillion-system", pods, "failed namespaces: the entries leave out the namespace shop, where pods ask for a helper and get none: 1, such as web\n"},
		"where no pod asks":           {"pillion-system", "[]", none + "; the entries leave out shop, where no pod asks for a helper\n"},
		"whose pods are not seen":     {"pillion-system", "forbidden", "skipped namespaces: whether a pod of the namespace shop, which the entries leave out, asks for a helper is not known: pods is forbidden: you may not\n"},
		"since it is installed there": {"shop", pods, none + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := at(Namespaces, fake{objects: map[string]string{
				"/api/v1/namespaces":                  "[{metadata: {name: kube-system}}, {metadata: {name: shop}}]",
				"/api/v1/namespaces/shop/pods":        c.pods,
				"/api/v1/namespaces/kube-system/pods": pods,
			}})
			l.to.namespace, l.entriesOf = c.system, nil
			if err := l.namespaces(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, l.said()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	t.Run("as default is, with Pillion in it", func(t *testing.T) {
		t.Parallel()
		l := at(Namespaces, fake{objects: map[string]string{"/api/v1/namespaces": "[{metadata: {name: default}}]"}})
		l.to.namespace, l.entriesOf = "default", nil
		if err := l.namespaces(t.Context()); err != nil || !strings.HasPrefix(l.said(), "failed namespaces: Pillion is installed in the namespace default, ") {
			t.Errorf("%v, %s", err, l.said())
		}
	})
}

func TestTheImageOfTheHelpersIsReadAsTheKubeletReadsIt(t *testing.T) {
	t.Parallel()
	for pod, want := range map[string]string{
		`{containers: [{name: webhook, args: [--helper-image=a/b:v1]}]}`:                                                                          "a/b:v1",
		`{containers: [{name: webhook, command: [/webhook, --helper-image, a/b:v1]}]}`:                                                            "a/b:v1",
		`{containers: [{name: mesh}, {name: webhook, args: [--helper-image=$(HELPER_IMAGE)], env: [{name: HELPER_IMAGE, value: "c/d:v2"}]}]}`:     "c/d:v2",
		`{containers: [{name: webhook, args: ["--helper-image=$(REGISTRY)/d:v2"], env: [{name: GOGC, value: "4"}, {name: REGISTRY, value: c}]}]}`: "c/d:v2",
		`{containers: [{name: webhook, args: [--listen=:8443]}]}`:                                                                                 "",
	} {
		spec := decoded[corev1.Pod](t, `{spec: `+pod+`}`).Spec
		if got := HelperImage(&spec); got != want {
			t.Errorf("%s: %q, want %q", pod, got, want)
		}
	}
}
