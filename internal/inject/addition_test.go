// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// withAdditions is the test policy with what it requires and injects.
func withAdditions(t *testing.T, require, inject []AdditionSpec) *Policy {
	t.Helper()
	return addTo(t, testPolicy(), require, inject)
}

func addTo(t *testing.T, p *Policy, require, inject []AdditionSpec) *Policy {
	t.Helper()
	for i := range require {
		a, errs := require[i].Compile(p, true, i, nil)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		p.Require = append(p.Require, a)
	}
	for i := range inject {
		a, errs := inject[i].Compile(p, false, i, nil)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		p.Inject = append(p.Inject, a)
	}
	return p
}

func dateAt(path string) AdditionSpec {
	return AdditionSpec{Helper: "date-writer", Options: map[string]rule.Text{"mount-path": rule.Text(path), "interval": "10s"}}
}

// There are three policies: one that requires a date-writer, one that adds it by default,
// and one that requires it and adds a git-poller by default.
func TestAPolicyAddsHelpersToPodsThatDoNotAsk(t *testing.T) {
	t.Parallel()
	site := AdditionSpec{Helper: "git-poller", Instance: "docs", Options: map[string]rule.Text{"repo": "https://github.com/acme/docs.git", "mount-path": "/srv/docs"}}
	policies := map[string]func(t *testing.T) *Policy{
		"require": func(t *testing.T) *Policy { return withAdditions(t, []AdditionSpec{dateAt("/srv/date")}, nil) },
		"inject":  func(t *testing.T) *Policy { return withAdditions(t, nil, []AdditionSpec{dateAt("/srv/date")}) },
		"both": func(t *testing.T) *Policy {
			return withAdditions(t, []AdditionSpec{dateAt("/srv/date")}, []AdditionSpec{site})
		},
	}
	windows := func(p *pod.Pod) { p.Spec.OS = &corev1.PodOS{Name: corev1.Windows} }
	network := func(p *pod.Pod) { p.Spec.HostNetwork = true }
	optOut := []string{InjectAnnotation, "false"}
	const mirror = "kubernetes.io/config.mirror"
	for _, tt := range []struct {
		name, policy string
		pod          *PodBuilder
		result       reason.Result
		reason       reason.Reason
		helpers      map[string]reason.Reason
		message      string
	}{
		{"a bare pod gets what is required", "require", MakePod("web"), reason.Injected, reason.Required, map[string]reason.Reason{"date-writer": reason.Required}, ""},
		{"a pod of a Job does", "require", MakePod("web").Change(func(p *pod.Pod) { p.Spec.RestartPolicy = "Never" }), reason.Injected, reason.Required, map[string]reason.Reason{"date-writer": reason.Required}, ""},
		{"a bare pod gets the defaults", "inject", MakePod("web"), reason.Injected, reason.ByDefault, map[string]reason.Reason{"date-writer": reason.ByDefault}, ""},
		{"a bare pod gets both", "both", MakePod("web"), reason.Injected, reason.Required, map[string]reason.Reason{"date-writer": reason.Required, "docs.git-poller": reason.ByDefault}, ""},
		{"what the pod asks for comes on top", "require", MakePod("web").Git(), reason.Injected, reason.Requested, map[string]reason.Reason{"date-writer": reason.Required, "git-poller": reason.Requested}, ""},
		{"an option that is not required is the pod's to set", "require", MakePod("web").Annotate("date-writer.pillion.dev/format", "rfc3339"), reason.Injected, reason.Required, map[string]reason.Reason{"date-writer": reason.Required}, ""},
		{"the pod may repeat what is required", "require", MakePod("web").Annotate("date-writer.pillion.dev/interval", "10000ms"), reason.Injected, reason.Required, map[string]reason.Reason{"date-writer": reason.Required}, ""},
		{
			"another value than the required one is denied", "require", MakePod("web").Annotate("date-writer.pillion.dev/interval", "1s"), reason.Denied, reason.ValueNotAllowed, nil,
			`metadata.annotations[date-writer.pillion.dev/interval]: Invalid value: "1s": policy "web" requires "10s" in every pod (require[0]); remove the annotation; the platform team can change this in the policy, spec.require`,
		},
		{"another value than a default is the pod's to set", "inject", MakePod("web").Annotate("date-writer.pillion.dev/interval", "1s"), reason.Injected, reason.Requested, map[string]reason.Reason{"date-writer": reason.Requested}, ""},
		{"another instance is the pod's own", "require", MakePod("web").Annotate("b.date-writer.pillion.dev/mount-path", "/srv/b"), reason.Injected, reason.Requested, map[string]reason.Reason{"date-writer": reason.Required, "b.date-writer": reason.Requested}, ""},

		{
			"nobody opts out of what is required", "require", MakePod("web").Annotate(optOut...), reason.Denied, reason.RequiredHelper, nil,
			`metadata.annotations[pillion.dev/inject]: Invalid value: "false": policy "web" requires date-writer (require[0]), of which no pod can opt out; remove the annotation`,
		},
		{"a pod opts out of the defaults", "inject", MakePod("web").Annotate(optOut...), reason.Skipped, reason.OptedOut, nil, ""},
		{"to opt in changes nothing", "inject", MakePod("web").Annotate(InjectAnnotation, "true"), reason.Injected, reason.ByDefault, map[string]reason.Reason{"date-writer": reason.ByDefault}, ""},
		{"a pod opts out of the defaults alone where there is both", "both", MakePod("web").Annotate(optOut...), reason.Injected, reason.Required, map[string]reason.Reason{"date-writer": reason.Required}, ""},
		{"who opts out gets what they ask for", "inject", MakePod("web").Git(optOut...), reason.Injected, reason.Requested, map[string]reason.Reason{"git-poller": reason.Requested}, ""},
		{
			"who opts out and asks for the same helper has none of the policy's values", "inject", MakePod("web").Annotate(optOut...).Annotate("date-writer.pillion.dev/interval", "1s"), reason.Denied, reason.MissingOption, nil,
			`metadata.annotations[date-writer.pillion.dev/mount-path]: Required value: date-writer needs it, such as "/usr/share/nginx/html"`,
		},

		{
			"a Windows pod cannot be where a helper is required", "require", MakePod("web").Change(windows), reason.Denied, reason.RequiredHelper, nil,
			`spec.os: Forbidden: policy "web" requires date-writer (require[0]), which are Linux containers, so no Windows pod can run under it; use a namespace with another policy`,
		},
		{"a Windows pod gets no defaults", "inject", MakePod("web").Change(windows), reason.Skipped, reason.WindowsPod, nil, ""},
		{
			"a pod on the node's network cannot be where a helper is required", "require", MakePod("web").Change(network), reason.Denied, reason.HostNetwork, nil,
			`spec.hostNetwork: Forbidden: policy "web" does not allow helpers in pods that use the node's network (date-writer); remove hostNetwork, since the policy requires date-writer (require[0]); the platform team can change this in the policy, spec.hostNetwork`,
		},
		{"a pod on the node's network gets no defaults", "inject", MakePod("web").Change(network), reason.Skipped, reason.NotByDefault, nil, ""},
		{"a pod of a denied class gets no defaults", "inject", MakePod("web").Change(func(p *pod.Pod) { p.Spec.RuntimeClassName = new("kata") }), reason.Skipped, reason.NotByDefault, nil, ""},
		{
			"a pod of a denied class cannot be where a helper is required", "require", MakePod("web").Change(func(p *pod.Pod) { p.Spec.RuntimeClassName = new("kata") }), reason.Denied, reason.RuntimeClass, nil,
			`spec.runtimeClassName: Invalid value: "kata": policy "web" does not allow helpers in pods of this class (date-writer); use another one, since the policy requires date-writer (require[0]); the platform team can change this in the policy, spec.runtimeClasses.deny`,
		},

		{"a mirror that its kubelet creates is left alone", "require", MakePod("web").Annotate(mirror, "0123").Change(byKubelet), reason.Skipped, reason.MirrorPod, nil, ""},
		{"the mark of a mirror opts nobody out", "require", MakePod("web").Annotate(mirror, "0123"), reason.Injected, reason.Required, map[string]reason.Reason{"date-writer": reason.Required}, ""},
		{"nor does another node's kubelet", "require", MakePod("web").Annotate(mirror, "0123").Change(func(p *pod.Pod) { p.Kubelet, p.Spec.NodeName = "node-1", "node-2" }), reason.Injected, reason.Required, map[string]reason.Reason{"date-writer": reason.Required}, ""},
		{"nor does a pod without a node", "require", MakePod("web").Annotate(mirror, "0123").Change(func(p *pod.Pod) { p.Kubelet = "" }), reason.Injected, reason.Required, map[string]reason.Reason{"date-writer": reason.Required}, ""},

		{
			"a path that is taken is the policy's, which the sentence says", "require", MakePod("web").Volume(pod.Volume{Name: "page", ConfigMap: &struct{}{}}).Mount("web", pod.VolumeMount{Name: "page", MountPath: "/srv/date"}), reason.Denied, reason.PathConflict, nil,
			`policy "web": spec.require[0].options[mount-path]: Invalid value: "/srv/date": container "web" mounts the volume "page" (configMap) there; choose another path, or make that volume an emptyDir to share it`,
		},
		{
			"and there is a way out of a default", "inject", MakePod("web").Volume(pod.Volume{Name: "page", ConfigMap: &struct{}{}}).Mount("web", pod.VolumeMount{Name: "page", MountPath: "/srv/date"}), reason.Denied, reason.PathConflict, nil,
			`policy "web": spec.inject[0].options[mount-path]: Invalid value: "/srv/date": container "web" mounts the volume "page" (configMap) there; choose another path, or make that volume an emptyDir to share it; or opt out with pillion.dev/inject: "false"`,
		},
		{
			"what the pod asks for makes way for what is required", "require", MakePod("web").Git(keyMountPath, "/srv/date"), reason.Denied, reason.PathConflict, nil,
			`metadata.annotations[git-poller.pillion.dev/mount-path]: Invalid value: "/srv/date": container "web" gets its content from date-writer at /srv/date already; give each helper a directory of its own`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := policies[tt.policy](t)
			p.DeniedClasses = []string{"kata"}
			pod := tt.pod.Obj()
			d := Injector{}.Decide(pod, p, nil)
			if d.Result != tt.result || d.Reason != tt.reason || d.Message() != tt.message {
				t.Errorf("got  %s %s %s\nwant %s %s %s", d.Result, d.Reason, d.Message(), tt.result, tt.reason, tt.message)
			}
			helpers := map[string]reason.Reason{}
			for _, h := range d.Helpers {
				helpers[prefixed(h.Instance, h.Helper)] = h.Reason
			}
			if len(tt.helpers)+len(helpers) > 0 && !cmp.Equal(tt.helpers, helpers) {
				t.Errorf("helpers (-want +got):\n%s", cmp.Diff(tt.helpers, helpers))
			}
			if d.Result == reason.Denied {
				return
			}
			again := Injector{}.Decide(patched(t, pod, &d.Plan), p, nil)
			if !again.Plan.Empty() || again.Result != reason.Unchanged && again.Result != reason.Skipped {
				t.Errorf("a second review is %s %s: %s", again.Result, again.Reason, again.Message())
			}
		})
	}
}

// The values are those that the policy requires, or that the pod may set instead.
func TestWhoseValueAnAdditionHas(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name            string
		require, inject []AdditionSpec
		pod             *PodBuilder
		want            map[string]rule.Source // of these options: what is in the container, and from where
		value           map[string]string
	}{
		{
			"a required value",
			[]AdditionSpec{dateAt("/srv/date")},
			nil, MakePod("web"),
			map[string]rule.Source{"interval": rule.FromRequire, "mount-path": rule.FromRequire, "format": rule.FromDefault},
			map[string]string{"interval": "10s", "format": "unix-date"},
		},
		{
			"a value by default", nil,
			[]AdditionSpec{dateAt("/srv/date")},
			MakePod("web"),
			map[string]rule.Source{"interval": rule.FromInject, "mount-path": rule.FromInject, "format": rule.FromDefault},
			map[string]string{"interval": "10s", "format": "unix-date"},
		},
		{
			"the pod's value in place of a default", nil,
			[]AdditionSpec{dateAt("/srv/date")},
			MakePod("web").Annotate("date-writer.pillion.dev/interval", "2s"),
			map[string]rule.Source{"interval": rule.FromAnnotation, "mount-path": rule.FromInject, "format": rule.FromDefault},
			map[string]string{"interval": "2s", "format": "unix-date"},
		},
		{
			"the pod's value beside a required one",
			[]AdditionSpec{dateAt("/srv/date")},
			nil, MakePod("web").Annotate("date-writer.pillion.dev/format", "rfc3339"),
			map[string]rule.Source{"interval": rule.FromRequire, "mount-path": rule.FromRequire, "format": rule.FromAnnotation},
			map[string]string{"interval": "10s", "format": "rfc3339"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			asked := Explain(tt.pod.Obj(), withAdditions(t, tt.require, tt.inject), nil)
			if len(asked) != 1 || asked[0].Added == nil {
				t.Fatalf("got %+v", asked)
			}
			for _, o := range asked[0].Options {
				if want, has := tt.want[o.Option.Name]; has && o.Source != want {
					t.Errorf("%s is from %q, want %q", o.Option.Name, o.Source, want)
				}
				if want := tt.value[o.Option.Name]; want != "" && o.Value != want {
					t.Errorf("%s is %q, want %q", o.Option.Name, o.Value, want)
				}
			}
		})
	}
}

func TestAPolicyThatWarnsRequiresAndDoesNotDeny(t *testing.T) {
	t.Parallel()
	windows := func(p *pod.Pod) { p.Spec.OS = &corev1.PodOS{Name: corev1.Windows} }
	for _, tt := range []struct {
		name   string
		pod    *PodBuilder
		result reason.Result
		reason reason.Reason
		want   []reason.Reason
	}{
		{"a bare pod", MakePod("web"), reason.Injected, reason.Required, nil},
		{"an opt-out", MakePod("web").Annotate(InjectAnnotation, "false"), reason.Injected, reason.WouldBeDenied, []reason.Reason{reason.RequiredHelper}},
		{"another value", MakePod("web").Annotate("date-writer.pillion.dev/interval", "1s"), reason.Injected, reason.WouldBeDenied, []reason.Reason{reason.ValueNotAllowed}},
		{"a Windows pod", MakePod("web").Change(windows), reason.Skipped, reason.WindowsPod, []reason.Reason{reason.RequiredHelper}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := withAdditions(t, []AdditionSpec{dateAt("/srv/date")}, nil)
			p.Warn = true
			d := Injector{}.Decide(tt.pod.Obj(), p, nil)
			if diff := cmp.Diff(tt.want, d.violated()); diff != "" || d.Result != tt.result || d.Reason != tt.reason {
				t.Errorf("%s %s %s, violations (-want +got):\n%s", d.Result, d.Reason, d.Message(), diff)
			}
			if again := (Injector{}).Decide(patched(t, tt.pod.Obj(), &d.Plan), p, nil); !again.Plan.Empty() {
				t.Errorf("a second review is %s %s", again.Result, again.Reason)
			}
		})
	}
}

func TestWhatAPolicyAddsCounts(t *testing.T) {
	t.Parallel()
	p := withAdditions(t, []AdditionSpec{dateAt("/srv/date")}, nil)
	p.Limits.HelpersPerPod = 1
	if d := (Injector{}).Decide(MakePod("web").Obj(), p, nil); d.Result != reason.Injected {
		t.Errorf("%s %s", d.Result, d.Message())
	}
	const want = `metadata.annotations: Invalid value: 2: is the number of helpers with the 1 that the policy adds, and policy "web" allows 1 in a pod (limits.helpersPerPod); ask for fewer`
	if d := (Injector{}).Decide(MakePod("web").Git().Obj(), p, nil); d.Message() != want {
		t.Errorf("got  %s\nwant %s", d.Message(), want)
	}
}

// A fixed value is the policy's, and so is what is wrong with it.
func TestAFixedValueIsNotBlamedOnThePod(t *testing.T) {
	t.Parallel()
	p := withRule(t, testPolicy(), "date-writer", "mount-path", rule.Spec{Fixed: text("/srv/fixed")})
	pod := MakePod("web").Annotate("date-writer.pillion.dev/format", "rfc3339").Volume(pod.Volume{Name: "page", Secret: &struct{}{}}).Mount("web", pod.VolumeMount{Name: "page", MountPath: "/srv/fixed"})
	const want = `policy "web": spec.helpers[date-writer].options[mount-path].fixed: Invalid value: "/srv/fixed": ` +
		`container "web" mounts the volume "page" (secret) there; choose another path, or make that volume an emptyDir to share it`
	if d := (Injector{}).Decide(pod.Obj(), p, nil); d.Message() != want {
		t.Errorf("got  %s\nwant %s", d.Message(), want)
	}
}

func TestARuleForContainersBindsPodsThatNameNone(t *testing.T) {
	t.Parallel()
	const denied = `without it every container takes part, which policy "web" does not allow: allowed values: "web"; set the annotation`
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		want string
	}{
		{"the one container is allowed", MakePod("web").Date(), ""},
		{"a container that is not allowed would take part", MakePod("web", "log").Date(), `metadata.annotations[date-writer.pillion.dev/containers]: Invalid value: "web,log": ` + denied + "; the platform team can change this in the policy, spec.helpers[date-writer].options[containers]"},
		{"the pod names the one that is allowed", MakePod("web", "log").Date("date-writer.pillion.dev/containers", "web"), ""},
		{"init containers take no part in date-writer", MakePod("web").Init("log").Date(), ""},
		{"helpers are no containers of the app", MakePod("web").Date(), ""},
		{"init containers take part in ipc", MakePod("web").Init("log").Annotate("ipc.pillion.dev/shm", "128Mi"), `metadata.annotations[ipc.pillion.dev/containers]: Invalid value: "web,log": ` + denied + "; the platform team can change this in the policy, spec.helpers[ipc].options[containers]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := testPolicy()
			for _, name := range []string{"date-writer", "ipc"} {
				withRule(t, p, name, helper.Containers, rule.Spec{Allow: rule.Texts{"web"}})
			}
			if d := (Injector{}).Decide(tt.pod.Obj(), p, nil); d.Message() != tt.want {
				t.Errorf("got  %s\nwant %s", d.Message(), tt.want)
			}
		})
	}
}

func TestAPolicyAddsWhatItRequiresAndWhatItInjects(t *testing.T) {
	t.Parallel()
	one := []AdditionSpec{dateAt("/srv/date")}
	other := []AdditionSpec{{Helper: "date-writer", Instance: "b", Options: map[string]rule.Text{"mount-path": "/srv/b"}}}
	for name, tt := range map[string]struct {
		require, inject []AdditionSpec
		want            bool
	}{
		"nothing":    {nil, nil, false},
		"a required": {one, nil, true},
		"a default":  {nil, one, true},
		"both":       {one, other, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := withAdditions(t, tt.require, tt.inject).Adds(); got != tt.want {
				t.Errorf("it adds something: %t", got)
			}
		})
	}
}

// The sentences of a policy file.
func TestAnAdditionIsChecked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		spec AdditionSpec
		want string
	}{
		{"a whole one", dateAt("/srv"), ""},
		{"a value in another form", AdditionSpec{Helper: "date-writer", Options: map[string]rule.Text{"mount-path": "/srv", "interval": "60s"}}, ""},
		{"an instance", AdditionSpec{Helper: "date-writer", Instance: "b", Options: map[string]rule.Text{"mount-path": "/srv"}}, ""},
		{"a helper that is not there", AdditionSpec{Helper: "date-writter"}, `require[0].helper: Not found: "date-writter; the helpers are config-reloader, date-writer, git-poller, ipc and start; did you mean \"date-writer\"?"`},
		{"no helper", AdditionSpec{}, `require[0].helper: Not found: "; the helpers are config-reloader, date-writer, git-poller, ipc and start"`},
		{"an option that is not there", AdditionSpec{Helper: "start", Options: map[string]rule.Text{"timeuot": "1m"}}, `require[0].options[timeuot]: Not found: "timeuot; start has the options after, timeout, umask; did you mean \"timeout\"?"`},
		{"a value that is none", AdditionSpec{Helper: "date-writer", Options: map[string]rule.Text{"mount-path": "/srv", "interval": "60"}}, `require[0].options[interval]: Invalid value: "60": has no unit; write "60s" for seconds`},
		{"a value that the rule denies", AdditionSpec{Helper: "date-writer", Options: map[string]rule.Text{"mount-path": "/srv", "interval": "2h"}}, `require[0].options[interval]: Invalid value: "2h": breaks this policy's own rule: the maximum is 1h`},
		{"no value for what is needed", AdditionSpec{Helper: "date-writer"}, `require[0].options[mount-path]: Required value: date-writer needs it, such as "/usr/share/nginx/html", and a pod without annotations does not set it`},
		{"names of containers", AdditionSpec{Helper: "date-writer", Options: map[string]rule.Text{"mount-path": "/srv", "containers": "web"}}, `require[0].options[containers]: Forbidden: names containers, of which every pod has others; leave it out, and set it in the pods`},
		{"conditions of containers", AdditionSpec{Helper: "start", Options: map[string]rule.Text{"after": "web=tcp:127.0.0.1:1"}}, `require[0].options[after]: Forbidden: names containers, of which every pod has others; leave it out, and set it in the pods`},
		{"masks of containers", AdditionSpec{Helper: "start", Options: map[string]rule.Text{"umask": "web=0002"}}, `require[0].options[umask]: Forbidden: names containers, of which every pod has others; leave it out, and set it in the pods`},
		{"an instance that is none", AdditionSpec{Helper: "date-writer", Instance: "B", Options: map[string]rule.Text{"mount-path": "/srv"}}, `require[0].instance: Invalid value: "B": must be at most 30 lower-case letters, digits or '-', with a letter or digit at both ends`},
		{"an instance of what has none", AdditionSpec{Helper: "ipc", Instance: "b", Options: map[string]rule.Text{"shm": "128Mi"}}, `require[0].instance: Invalid value: "b": ipc has no instances, since a pod has one at most; remove it`},
		{"a sysctl that needs no list", AdditionSpec{Helper: "ipc", Options: map[string]rule.Text{"sysctls": "kernel.shm_rmid_forced=1", "process": "true"}}, ""},
		{"a sysctl that no list has", AdditionSpec{Helper: "ipc", Options: map[string]rule.Text{"sysctls": "kernel.msgmax=65536"}}, `require[0].options[sysctls]: Invalid value: "kernel.msgmax=65536": is not allowed by this policy: its list for sysctls has none; add it to spec.helpers[ipc].options[sysctls].allow`},
		{"a password", AdditionSpec{Helper: "git-poller", Options: map[string]rule.Text{"mount-path": "/srv", "repo": "https://a:hunter2@b.example/c"}}, `require[0].options[repo]: Invalid value: "https://…@b.example/c": must not contain credentials (what stands before the @): name a Secret in the option secret instead`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := withRule(t, testPolicy(), "date-writer", "interval", rule.Spec{Max: text("1h")})
			_, errs := tt.spec.Compile(p, true, 0, field.NewPath("require").Index(0))
			got := ""
			if len(errs) > 0 {
				got = errs[0].Error()
			}
			if got != tt.want || len(errs) > 1 {
				t.Errorf("got  %v\nwant %s", errs, tt.want)
			}
		})
	}
	spec := AdditionSpec{Helper: "date-writer", Options: map[string]rule.Text{"mount-path": "/srv", "interval": "60s"}}
	if _, errs := spec.Compile(testPolicy(), false, 0, nil); len(errs) > 0 || spec.Options["interval"] != "1m" {
		t.Errorf("the canonical form is %v, %v", spec.Options, errs)
	}
	p := testPolicy()
	delete(p.Helpers, "date-writer")
	spec = dateAt("/srv")
	const want = `helper: Invalid value: "date-writer": is not among spec.helpers, so pods may not have it; list it there`
	if _, errs := spec.Compile(p, true, 0, nil); len(errs) != 1 || errs[0].Error() != want {
		t.Errorf("got  %v\nwant %s", errs, want)
	}
}
