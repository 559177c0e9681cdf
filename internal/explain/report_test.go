// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
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
	if r.Result != reason.Injected || r.Template != "spec.template" || !r.Good() {
		t.Errorf("%s, template %q, good %v", r.Result, r.Template, r.Good())
	}
	if len(r.Helpers) != 1 || r.Helpers[0].Instance != "docs" || !r.Helpers[0].Allowed {
		t.Fatalf("the helpers are %+v", r.Helpers)
	}
	want := []Option{
		{Option: "repo", Value: "https://github.com/acme/site.git", Source: rule.FromAnnotation},
		{Option: "period", Value: "2m", Source: rule.FromPolicy, Rule: "default 2m; at least 30s"},
		{Option: "depth", Value: "1", Source: rule.FromFixed, Rule: "always 1"},
		{Option: "secret", Rule: "one of git-*, other"},
		{Option: "wait-timeout", Value: "5m", Source: rule.FromDefault, Rule: "at most 5m"},
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
	if r.Result != reason.Denied || r.Good() || len(r.Problems) != 2 || len(r.Changes) != 0 {
		t.Errorf("%s, good %v, problems %q, changes %v", r.Result, r.Good(), r.Problems, r.Changes)
	}
	states := map[string][]reason.Reason{}
	for _, rule := range r.Rules {
		states[rule.State] = append(states[rule.State], rule.Reason)
	}
	if diff := cmp.Diff([]reason.Reason{reason.UnknownAnnotation, reason.ValueNotAllowed}, states[Broken]); diff != "" {
		t.Errorf("broken (-want +got):\n%s", diff)
	}
	if len(states[Passed]) != 0 {
		t.Errorf("of a denial nobody knows which rules were kept, and these are said to be: %v", states[Passed])
	}
	i := slices.IndexFunc(r.Helpers[0].Options, func(o Option) bool { return o.Option == "period" })
	if want := `policy "web" does not allow this value: the minimum is 30s`; r.Helpers[0].Options[i].Problem != want {
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
	if r.Result != reason.Injected || r.Reason != reason.WouldBeDenied || !r.Good() || len(r.Problems) != 0 || len(r.Changes) == 0 {
		t.Errorf("%s (%s), good %v, problems %q", r.Result, r.Reason, r.Good(), r.Problems)
	}
	states := map[string][]reason.Reason{}
	for _, rule := range r.Rules {
		states[rule.State] = append(states[rule.State], rule.Reason)
	}
	if diff := cmp.Diff([]reason.Reason{reason.HelperNotAllowed, reason.ValueNotAllowed}, states[Warned]); diff != "" || len(states[Broken])+len(states[Open]) > 0 {
		t.Errorf("%v, warned (-want +got):\n%s", states, diff)
	}
	i := slices.IndexFunc(r.Helpers, func(h Helper) bool { return h.Helper == "git-poller" })
	j := slices.IndexFunc(r.Helpers[i].Options, func(o Option) bool { return o.Option == "period" })
	if want := `policy "trial" does not allow this value: the minimum is 30s`; r.Helpers[i].Options[j].Problem != want {
		t.Errorf("the problem of period is %q, want %q", r.Helpers[i].Options[j].Problem, want)
	}
	if len(r.Warnings) == 0 || !strings.HasPrefix(r.Warnings[0], "pillion: policy trial only warns, and would deny date-writer.pillion.dev/mount-path") {
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
		result      reason.Result
		want        []string
	}{
		"annotations on the Deployment alone are a problem": {
			change: func(o *Object) { o.Misplaced = true }, result: reason.Skipped,
			want: []string{"AnnotationsOnWorkload true: the annotations of the Deployment itself have no effect"},
		},
		"annotations on both are good to know": {
			annotations: asking, change: func(o *Object) { o.Misplaced = true }, result: reason.Injected, good: true,
			want: []string{"AnnotationsOnWorkload false: the annotations of the Deployment itself have no effect"},
		},
		"a cluster without the webhook": {
			annotations: asking, cluster: clusterWith(nil), result: reason.Injected,
			want: []string{"NoWebhook true: no MutatingWebhookConfiguration of this cluster calls Pillion, so no pod gets a helper"},
		},
		"a cluster without the webhook is no matter to who asks for nothing": {cluster: clusterWith(nil), result: reason.Skipped, good: true},
		"a webhook that wants other labels": {
			annotations: asking, cluster: clusterWith(nil, wanting("api")), result: reason.Injected,
			want: []string{"NamespaceLeftOut true: the objectSelector of default.pillion.dev leaves out a pod with these labels: app in (api)"},
		},
		"a webhook that wants these labels": {annotations: asking, cluster: clusterWith(nil, wanting("web")), result: reason.Injected, good: true},
		"a policy that does not exist": {
			annotations: asking, cluster: clusterWith(map[string]string{PolicyLabel: "wep"}, entries()...), result: reason.Denied,
		},
		"what could not be read": {
			annotations: asking, cluster: &Cluster{NamespaceName: "shop", NotRead: []string{"the moon"}}, result: reason.Injected, good: true,
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
	if diff := cmp.Diff([]string{`the policy "wep" does not exist (policies); there is default, web`}, r.Problems); diff != "" || r.Reason != reason.UnknownPolicy {
		t.Errorf("%s (-want +got):\n%s", r.Reason, diff)
	}
}

// Each thing that a plan can say has its words.
func TestChangesTellAllOfAPlan(t *testing.T) {
	t.Parallel()
	of := &pod.Pod{Spec: pod.Spec{Containers: []pod.Container{{Name: "app"}}, InitContainers: []pod.Container{{Name: "first"}}}}
	always := corev1.ContainerRestartPolicyAlways
	volume := func(name string, source corev1.VolumeSource, index int) plan.Volume {
		return plan.Volume{Volume: corev1.Volume{Name: name, VolumeSource: source}, Renew: index}
	}
	size := resource.MustParse("1Gi")
	for name, c := range map[string]struct {
		plan plan.Plan
		want []Change
	}{
		"containers, sidecars first": {plan.Plan{Containers: []plan.Container{
			{Container: corev1.Container{Name: "a", Image: "i"}, Renew: plan.Insert}, {Container: corev1.Container{Name: "b", Image: "i", RestartPolicy: &always}, Renew: plan.Insert},
		}}, []Change{{"sidecar", "b", "i, runs beside the app"}, {"init container", "a", "i, ends before the app starts"}}},
		"a volume that is renewed": {plan.Plan{Volumes: []plan.Volume{
			volume("v", corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: "Memory", SizeLimit: &size}}, 3),
		}}, []Change{{"volume", "v", "emptyDir Memory of at most 1Gi, renewed: what bears the name today is not what the policy says"}}},
		"volumes of other sources": {plan.Plan{Volumes: []plan.Volume{
			volume("s", corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "x"}}, plan.Insert),
			volume("c", corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "y"}}}, plan.Insert),
			volume("e", corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}, plan.Insert), volume("z", corev1.VolumeSource{}, plan.Insert),
		}}, []Change{{"volume", "s", "Secret x"}, {"volume", "c", "ConfigMap y"}, {"volume", "e", "emptyDir"}, {"volume", "z", ""}}},
		"mounts": {plan.Plan{Mounts: []plan.Mount{
			{Mount: corev1.VolumeMount{Name: "v", MountPath: "/a", ReadOnly: true}, Renew: plan.Insert},
			{Container: pod.Ref{Init: true}, Mount: corev1.VolumeMount{Name: "v", MountPath: "/b"}, Renew: plan.Insert},
		}}, []Change{{"mount", "/a", "of volume v in container app, read-only"}, {"mount", "/b", "of volume v in container first"}}},
		"a command":  {plan.Plan{Commands: []plan.Wrap{{Wrapper: []string{"/run", "--"}}}}, []Change{{"field", "command", "in container app: /run -- in front of it"}}},
		"huge pages": {plan.Plan{HugePages: []plan.HugePages{{Resource: "hugepages-2Mi", Limit: size}}}, []Change{{"field", "resources.limits.hugepages-2Mi", "in container app: 1Gi"}}},
		"settings of the pod": {plan.Plan{Settings: plan.Settings{ShareProcesses: true, FSGroup: new(int64(7)), Sysctls: []corev1.Sysctl{{Name: "a", Value: "b"}}}}, []Change{
			{"field", "spec.shareProcessNamespace", "true"}, {"field", "spec.securityContext.fsGroup", "7"}, {"field", "spec.securityContext.sysctls", "a=b"},
		}},
		"a pull secret": {plan.Plan{PullSecrets: []corev1.LocalObjectReference{{Name: "p"}}}, []Change{{"pull secret", "p", ""}}},
		"annotations": {plan.Plan{Annotations: []plan.Annotation{{Key: inject.StatusAnnotation, Value: "{}"}, {Key: "example.com/a", Value: "b"}}}, []Change{
			{"annotation", "example.com/a", "b"}, {"annotation", "pillion.dev/status", ""},
		}},
		"nothing": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, Changes(&c.plan, of)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A new kind of addition cannot be missed: each field of a plan makes a change.
func TestNoFieldOfAPlanIsLeftOut(t *testing.T) {
	t.Parallel()
	of := &pod.Pod{Spec: pod.Spec{Containers: make([]pod.Container, 1)}}
	for field := range reflect.TypeFor[plan.Plan]().Fields() {
		var p plan.Plan
		v := reflect.ValueOf(&p).Elem().FieldByIndex(field.Index)
		if v.Kind() == reflect.Slice {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			if len(Changes(&p, of)) != 1 {
				t.Errorf("%s is not told", field.Name)
			}
			continue
		}
		for i := range v.NumField() {
			var p plan.Plan
			one := reflect.ValueOf(&p).Elem().FieldByIndex(field.Index).Field(i)
			switch one.Kind() {
			case reflect.Bool:
				one.SetBool(true)
			case reflect.Pointer:
				one.Set(reflect.New(one.Type().Elem()))
			default:
				one.Set(reflect.MakeSlice(one.Type(), 1, 1))
			}
			if len(Changes(&p, of)) != 1 {
				t.Errorf("%s.%s is not told", field.Name, v.Type().Field(i).Name)
			}
		}
	}
}
