// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
)

// explained reports on a Deployment whose pods have annotations.
func explained(t *testing.T, annotations map[string]string, policies *Policies, c *Cluster, change func(*Object)) *Report {
	t.Helper()
	at, _ := admission.TemplateOf("Deployment")
	d := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Annotations: annotations, Labels: map[string]string{"app": "web"}}, Spec: podAsking(nil).Spec,
	}}}
	o := Object{Kind: "Deployment", Name: "web", Namespace: "shop", Document: jsonOf(t, d), At: at}
	if change != nil {
		change(&o)
	}
	r, err := Explain(version, o, policies, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReportOfAnInjectedDeployment(t *testing.T) {
	t.Parallel()
	p := policyOf(t, "web", "{git-poller: {options: {period: {default: 2m, min: 30s}, depth: {fixed: 1}, wait-timeout: {max: 5m}, secret: {allow: [git-*, other]}}}}")
	r := explained(t, map[string]string{
		"docs.git-poller.pillion.dev/repo":       "https://github.com/acme/site.git",
		"docs.git-poller.pillion.dev/mount-path": "/html",
	}, &Policies{Only: p, Source: "web.yaml"}, clusterWith(map[string]string{}, webhook("web", nil)), nil)
	if r.Result != inject.Injected || r.Template != "spec.template" || !r.Good() {
		t.Errorf("%s, template %q, good %v", r.Result, r.Template, r.Good())
	}
	if len(r.Helpers) != 1 || r.Helpers[0].Instance != "docs" || !r.Helpers[0].Allowed {
		t.Fatalf("the helpers are %+v", r.Helpers)
	}
	want := []Option{
		{Option: "repo", Value: "https://github.com/acme/site.git", Source: inject.FromAnnotation},
		{Option: "period", Value: "2m", Source: inject.FromPolicy, Rule: "default 2m; at least 30s"},
		{Option: "depth", Value: "1", Source: inject.FromFixed, Rule: "always 1"},
		{Option: "secret", Rule: "one of git-*, other"},
		{Option: "wait-timeout", Value: "5m", Source: inject.FromDefault, Rule: "at most 5m"},
	}
	got := slices.DeleteFunc(slices.Clone(r.Helpers[0].Options), func(o Option) bool { return o.Option != "repo" && o.Rule == "" })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the options (-want +got):\n%s", diff)
	}
	for _, rule := range r.Rules {
		if rule.State != Passed || rule.Doc == "" {
			t.Errorf("the rule %s is %s", rule.Reason, rule.State)
		}
	}
	wantChanges := []string{
		"sidecar pillion-git-poller-docs", "volume pillion-git-poller-docs", "volume pillion-no-token", "mount /html",
		"annotation cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes", "annotation pillion.dev/status",
	}
	if diff := cmp.Diff(wantChanges, changeNames(r.Changes)); diff != "" {
		t.Errorf("the changes (-want +got):\n%s", diff)
	}
}

func changeNames(all []Change) []string {
	var names []string
	for _, c := range all {
		names = append(names, c.What+" "+c.Name)
	}
	return names
}

func TestReportOfARefusal(t *testing.T) {
	t.Parallel()
	p := policyOf(t, "web", "{git-poller: {options: {period: {min: 30s}}}}")
	r := explained(t, map[string]string{
		"git-poller.pillion.dev/repo":       "https://github.com/acme/site.git",
		"git-poller.pillion.dev/mount-path": "/html",
		"git-poller.pillion.dev/period":     "5s",
		"git-poller.pillion.dev/deep":       "1",
	}, &Policies{Only: p}, nil, nil)
	if r.Result != inject.Denied || r.Good() || len(r.Problems) != 2 || len(r.Changes) != 0 {
		t.Errorf("%s, good %v, problems %q, changes %v", r.Result, r.Good(), r.Problems, r.Changes)
	}
	states := map[string][]inject.Reason{}
	for _, rule := range r.Rules {
		states[rule.State] = append(states[rule.State], rule.Reason)
	}
	if diff := cmp.Diff([]inject.Reason{inject.UnknownAnnotation, inject.ValueNotAllowed}, states[Broken]); diff != "" {
		t.Errorf("broken (-want +got):\n%s", diff)
	}
	if len(states[Passed]) != 0 {
		t.Errorf("of a refusal nobody knows which rules were kept, and these are said to be: %v", states[Passed])
	}
	i := slices.IndexFunc(r.Helpers[0].Options, func(o Option) bool { return o.Option == "period" })
	if want := `policy "web" does not allow this value: the least is 30s`; r.Helpers[0].Options[i].Problem != want {
		t.Errorf("the problem of period is %q, want %q", r.Helpers[0].Options[i].Problem, want)
	}
}

func TestReportOfAPolicyThatOnlyWarns(t *testing.T) {
	t.Parallel()
	p := policyOf(t, "trial", "{git-poller: {options: {period: {min: 30s}}}}, enforcement: Warn")
	r := explained(t, map[string]string{
		"git-poller.pillion.dev/repo": "https://github.com/acme/site.git", "git-poller.pillion.dev/mount-path": "/html", "git-poller.pillion.dev/period": "5s",
		dateMount: "/date",
	}, &Policies{Only: p}, nil, nil)
	if r.Result != inject.Injected || r.Reason != inject.WouldBeDenied || !r.Good() || len(r.Problems) != 0 || len(r.Changes) == 0 {
		t.Errorf("%s (%s), good %v, problems %q", r.Result, r.Reason, r.Good(), r.Problems)
	}
	states := map[string][]inject.Reason{}
	for _, rule := range r.Rules {
		states[rule.State] = append(states[rule.State], rule.Reason)
	}
	if diff := cmp.Diff([]inject.Reason{inject.HelperNotAllowed, inject.ValueNotAllowed}, states[Warned]); diff != "" || len(states[Broken])+len(states[Open]) > 0 {
		t.Errorf("%v, warned (-want +got):\n%s", states, diff)
	}
	i := slices.IndexFunc(r.Helpers, func(h Helper) bool { return h.Helper == "git-poller" })
	j := slices.IndexFunc(r.Helpers[i].Options, func(o Option) bool { return o.Option == "period" })
	if want := `policy "trial" does not allow this value: the least is 30s`; r.Helpers[i].Options[j].Problem != want {
		t.Errorf("the problem of period is %q, want %q", r.Helpers[i].Options[j].Problem, want)
	}
	if len(r.Warnings) == 0 || !strings.HasPrefix(r.Warnings[0], "pillion: policy trial only warns, and would refuse date-writer.pillion.dev/mount-path") {
		t.Errorf("warnings %q", r.Warnings)
	}
}

func TestReportOfWhatTheDecisionDoesNotTell(t *testing.T) {
	t.Parallel()
	asking := map[string]string{dateMount: "/html"}
	def := &Policies{ByName: map[string]*inject.Policy{"default": policyOf(t, "default", "{date-writer: }")}, Source: "policies"}
	for name, c := range map[string]struct {
		annotations map[string]string
		policies    *Policies
		cluster     *Cluster
		change      func(*Object)
		good        bool
		result      inject.Result
		want        []string
	}{
		"annotations on the Deployment alone are a problem": {
			change: func(o *Object) { o.Misplaced = true }, result: inject.Skipped,
			want: []string{"AnnotationsOnWorkload true: the annotations of the Deployment itself have no effect"},
		},
		"annotations on both are good to know": {
			annotations: asking, change: func(o *Object) { o.Misplaced = true }, result: inject.Injected, good: true,
			want: []string{"AnnotationsOnWorkload false: the annotations of the Deployment itself have no effect"},
		},
		"a cluster without the webhook": {
			annotations: asking, cluster: clusterWith(nil), result: inject.Injected,
			want: []string{"NoWebhook true: no MutatingWebhookConfiguration of this cluster calls Pillion, so no pod gets a helper"},
		},
		"a cluster without the webhook is no matter to who asks for nothing": {cluster: clusterWith(nil), result: inject.Skipped, good: true},
		"a webhook that wants other labels": {
			annotations: asking, cluster: clusterWith(nil, wanting("api")), result: inject.Injected,
			want: []string{"NamespaceLeftOut true: the objectSelector of default.pillion.dev leaves out a pod with these labels: app in (api)"},
		},
		"a webhook that wants these labels": {annotations: asking, cluster: clusterWith(nil, wanting("web")), result: inject.Injected, good: true},
		"a policy that does not exist": {
			annotations: asking, cluster: clusterWith(map[string]string{PolicyLabel: "wep"}, entries()...), result: inject.Denied,
		},
		"what could not be read": {
			annotations: asking, cluster: &Cluster{NamespaceName: "shop", NotRead: []string{"the moon"}}, result: inject.Injected, good: true,
			want: []string{"NotLookedAt false: the moon"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := explained(t, c.annotations, def, c.cluster, c.change)
			var got []string
			for _, f := range r.Findings {
				got = append(got, strings.Join([]string{string(f.Code), " ", map[bool]string{true: "true", false: "false"}[f.Problem], ": ", f.Text}, ""))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("the findings (-want +got):\n%s", diff)
			}
			if r.Result != c.result || r.Good() != c.good {
				t.Errorf("%s, good %v; want %s, good %v", r.Result, r.Good(), c.result, c.good)
			}
		})
	}
}

// wanting is a webhook for pods with a label.
func wanting(app string) admissionregistrationv1.MutatingWebhookConfiguration {
	return webhook("default", func(w *admissionregistrationv1.MutatingWebhook) {
		w.ObjectSelector = selector("app", metav1.LabelSelectorOpIn, app)
	})
}

func TestReportOfAnUnknownPolicySaysWhatThereIs(t *testing.T) {
	t.Parallel()
	all := &Policies{ByName: map[string]*inject.Policy{"default": policyOf(t, "default", "{}"), "web": policyOf(t, "web", "{}")}, Source: "policies"}
	r := explained(t, nil, all, clusterWith(map[string]string{PolicyLabel: "wep"}), nil)
	if diff := cmp.Diff([]string{`the policy "wep" does not exist (policies); there is default, web`}, r.Problems); diff != "" || r.Reason != inject.UnknownPolicy {
		t.Errorf("%s (-want +got):\n%s", r.Reason, diff)
	}
}

// What is in no list of ours is told all the same: a new kind of addition cannot be missed.
func TestChangesOfAnyPatch(t *testing.T) {
	t.Parallel()
	var pod inject.Pod
	if err := json.Unmarshal([]byte(`{"spec":{"containers":[{"name":"app"}],"initContainers":[{"name":"first"}]}}`), &pod); err != nil {
		t.Fatal(err)
	}
	deployment, _ := admission.TemplateOf("Deployment")
	for name, c := range map[string]struct {
		at    admission.Template
		patch string
		want  []Change
	}{
		"lists that are made":       {patch: `[{"op":"add","path":"/spec/initContainers","value":[{"name":"a","image":"i"},{"name":"b","image":"i","restartPolicy":"Always"}]}]`, want: []Change{{"sidecar", "b", "i, runs beside the app"}, {"init container", "a", "i, ends before the app starts"}}},
		"an item that is inserted":  {patch: `[{"op":"add","path":"/spec/initContainers/0","value":{"name":"a","image":"i"}}]`, want: []Change{{"init container", "a", "i, ends before the app starts"}}},
		"an item that is renewed":   {patch: `[{"op":"replace","path":"/spec/volumes/3","value":{"name":"v","emptyDir":{"medium":"Memory","sizeLimit":"1Gi"}}}]`, want: []Change{{"volume", "v", "emptyDir Memory of at most 1Gi, renewed: what bears the name today is not what the policy says"}}},
		"volumes of other sources":  {patch: `[{"op":"add","path":"/spec/volumes","value":[{"name":"s","secret":{"secretName":"x"}},{"name":"c","configMap":{"name":"y"}},{"name":"e","emptyDir":{}},{"name":"z"}]}]`, want: []Change{{"volume", "s", "Secret x"}, {"volume", "c", "ConfigMap y"}, {"volume", "e", "emptyDir"}, {"volume", "z", ""}}},
		"mounts in a template":      {at: deployment, patch: `[{"op":"add","path":"/spec/template/spec/containers/0/volumeMounts","value":[{"name":"v","mountPath":"/a","readOnly":true}]},{"op":"add","path":"/spec/template/spec/initContainers/0/volumeMounts/-","value":{"name":"v","mountPath":"/b"}}]`, want: []Change{{"mount", "/a", "of volume v in container app, read-only"}, {"mount", "/b", "of volume v in container first"}}},
		"a field of the pod":        {patch: `[{"op":"add","path":"/spec/shareProcessNamespace","value":true}]`, want: []Change{{"field", "spec.shareProcessNamespace", "true"}}},
		"a field of a container":    {patch: `[{"op":"replace","path":"/spec/containers/0/command","value":["/pillion/run"]}]`, want: []Change{{"field", "command", `in container app: ["/pillion/run"]`}}},
		"a pull secret":             {patch: `[{"op":"add","path":"/spec/imagePullSecrets/-","value":{"name":"p"}}]`, want: []Change{{"pull secret", "p", ""}}},
		"annotations":               {patch: `[{"op":"add","path":"/metadata/annotations/example.com~1a","value":"b"},{"op":"add","path":"/metadata/annotations/pillion.dev~1status","value":"{}"}]`, want: []Change{{"annotation", "example.com/a", "b"}, {"annotation", "pillion.dev/status", ""}}},
		"annotations that are made": {patch: `[{"op":"add","path":"/metadata/annotations","value":{"b":"2","a":"1"}}]`, want: []Change{{"annotation", "a", "1"}, {"annotation", "b", "2"}}},
		"no patch":                  {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Changes([]byte(c.patch), c.at, &pod)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
