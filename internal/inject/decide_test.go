// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

const statusSkipped = `{"version":"v0.1.0","policy":"web","policyHash":"sha256:0123456789ab","result":"Skipped","reason":%q}`

func TestAPodThatGetsNothingIsToldWhy(t *testing.T) {
	t.Parallel()
	windows := func(p *pod.Pod) { p.Spec.OS = &corev1.PodOS{Name: corev1.Windows} }
	selects := func(label, value string) func(p *pod.Pod) {
		return func(p *pod.Pod) { p.Spec.NodeSelector = map[string]string{label: value} }
	}
	const (
		onWindows = "pillion: helpers are Linux containers; this Windows pod gets none"
		onDisk    = "pillion: a static pod is read from the node's disk; put the helper into its file"
	)
	for _, tt := range []struct {
		name    string
		pod     *PodBuilder
		reason  reason.Reason
		warning string
		status  bool // is written
	}{
		{"a pod without annotations", MakePod("web"), reason.NothingRequested, "", false},
		{"a pod with annotations of others", MakePod("web").Annotate("example.com/a", "b"), reason.NothingRequested, "", false},
		{"a pod that opts out", MakePod("web").Annotate(InjectAnnotation, "false"), reason.NothingRequested, "", false},
		{"a pod that opts in and asks for nothing", MakePod("web").Annotate(InjectAnnotation, "true"), reason.NothingRequested, `pillion: inject "true" requests nothing by itself; request a helper, such as date-writer.pillion.dev/mount-path`, false},
		{"a pod with a status that it made up", MakePod("web").Annotate(StatusAnnotation, `{"result":"Injected"}`), reason.NothingRequested, "", true},
		{"a pod with a status that is no JSON", MakePod("web").Annotate(StatusAnnotation, "injected"), reason.NothingRequested, "", true},
		{"a pod that opts out with a status that it made up", MakePod("web").Annotate(StatusAnnotation, "", InjectAnnotation, "false"), reason.NothingRequested, "", true},
		{"a Windows pod", MakePod("web").Git().Change(windows), reason.WindowsPod, onWindows, true},
		{"a Windows pod with mistakes", MakePod("web").Git(keyRepo, "x").Change(windows), reason.WindowsPod, onWindows, true},
		{"a Windows pod that asks for nothing", MakePod("web").Change(windows), reason.NothingRequested, "", false},
		{"a pod for nodes with Windows", MakePod("web").Git().Change(selects("kubernetes.io/os", "windows")), reason.WindowsPod, onWindows, true},
		{"a pod for nodes with Windows by their old label", MakePod("web").Git().Change(selects("beta.kubernetes.io/os", "windows")), reason.WindowsPod, onWindows, true},
		{"a mirror of a static pod that asks for nothing", MakePod("web").Annotate("kubernetes.io/config.mirror", "0123").Change(byKubelet), reason.NothingRequested, "", false},
		{"a mirror of a static pod with nothing but a status", MakePod("web").Annotate("kubernetes.io/config.mirror", "0123", StatusAnnotation, "x").Change(byKubelet), reason.NothingRequested, "", false},
		{"a mirror of a static pod", MakePod("web").Git("kubernetes.io/config.mirror", "0123").Change(byKubelet), reason.MirrorPod, onDisk, false},
		{"a mirror of a static pod with mistakes", MakePod("web").Git(keyRepo, "x", "kubernetes.io/config.mirror", "").Change(byKubelet), reason.MirrorPod, onDisk, false},
		{"a mirror of a static pod with a status", MakePod("web").Git(StatusAnnotation, "x", "kubernetes.io/config.mirror", "").Change(byKubelet), reason.MirrorPod, onDisk, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pod := tt.pod.Obj()
			d := decide(pod)
			var warnings []string
			if tt.warning != "" {
				warnings = []string{tt.warning}
			}
			want := Decision{Result: reason.Skipped, Reason: tt.reason, Warnings: warnings, Policy: "web", PolicyHash: "sha256:0123456789ab"}
			if tt.status {
				want.Plan.Annotations = []plan.Annotation{{Key: StatusAnnotation, Value: fmt.Sprintf(statusSkipped, tt.reason)}}
			}
			if diff := cmp.Diff(want, d); diff != "" {
				t.Fatalf("decision (-want +got):\n%s", diff)
			}
			if again := decide(patched(t, pod, &d.Plan)); !again.Plan.Empty() || again.Reason != tt.reason {
				t.Errorf("a second review says %s and plans %+v", again.Reason, again.Plan)
			}
		})
	}
}

// byKubelet is a pod that the kubelet of its own node creates.
func byKubelet(p *pod.Pod) { p.Kubelet, p.Spec.NodeName = "node-1", "node-1" }

func TestAPodIsNotForWindowsUnlessItSaysSo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		edit func(p *pod.Pod)
	}{
		{"a Linux pod", func(p *pod.Pod) { p.Spec.OS = &corev1.PodOS{Name: corev1.Linux} }},
		{"a pod for nodes with Linux", func(p *pod.Pod) { p.Spec.NodeSelector = map[string]string{"kubernetes.io/os": "linux"} }},
		{"a Linux pod with a selector that says otherwise", func(p *pod.Pod) {
			p.Spec.OS = &corev1.PodOS{Name: corev1.Linux}
			p.Spec.NodeSelector = map[string]string{"kubernetes.io/os": "windows"}
		}},
		{"a pod with windows under another label", func(p *pod.Pod) { p.Spec.NodeSelector = map[string]string{"example.com/os": "windows"} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if d := decide(MakePod("web").Git().Change(tt.edit).Obj()); d.Result != reason.Injected {
				t.Errorf("%s (%s)", d.Result, d.Reason)
			}
		})
	}
}

func TestAnInjectedPodSaysSoInItsStatus(t *testing.T) {
	t.Parallel()
	d := decide(MakePod("web", "api").Git(StatusAnnotation, `{"result":"Injected","helpers":[{"helper":"git-poller"}]}`, keySecret, "s").Annotate(
		"docs.git-poller.pillion.dev/repo", "https://github.com/acme/docs", "docs.git-poller.pillion.dev/mount-path", "/srv/docs",
		"docs.git-poller.pillion.dev/containers", "api",
	).Obj())
	want := plan.Annotation{Key: StatusAnnotation, Value: `{"version":"v0.1.0","policy":"web","policyHash":"sha256:0123456789ab","result":"Injected","reason":"Requested","helpers":[` +
		`{"helper":"git-poller","container":"pillion-git-poller","volumes":["pillion-git-poller","pillion-auth-git-poller","pillion-no-token"],"containers":["web","api"],"reason":"Requested"},` +
		`{"helper":"git-poller","instance":"docs","container":"pillion-git-poller-docs","volumes":["pillion-git-poller-docs","pillion-no-token"],"containers":["api"],"reason":"Requested"}]}`}
	if len(d.Plan.Annotations) != 2 {
		t.Fatalf("%s: annotations %v", d.Message(), d.Plan.Annotations)
	}
	if diff := cmp.Diff(want, d.Plan.Annotations[1]); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

func TestWhatIsInPlaceIsLeftInPlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
	}{
		{"git-poller", MakePod("web", "api").Git()},
		{"git-poller, first among init containers", MakePod("web").Init("setup").Git(keyPosition, "first", keyTargets, "setup,web")},
		{"git-poller, last among init containers", MakePod("web").Init("setup").Sidecar("proxy").Git()},
		{"git-poller once, with all it can have", MakePod("web").Git(keyMode, "once", keySecret, "s", "git-poller.pillion.dev/ca-configmap", "c", "git-poller.pillion.dev/writable", "true")},
		{"git-poller in an emptyDir of the app", MakePod("web", "api").EmptyDir("html").Mount("web", pod.VolumeMount{Name: "html", MountPath: "/srv/site/"}).Git()},
		{"date-writer", MakePod("web").Date()},
		{"both, and an instance", MakePod("web").Git().Date().Annotate(
			"docs.git-poller.pillion.dev/repo", "https://github.com/acme/docs", "docs.git-poller.pillion.dev/mount-path", "/srv/docs")},
		{"both, first and last", MakePod("web").Init("setup").Git(keyPosition, "first").Date()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pod := tt.pod.Obj()
			first := decide(pod)
			if first.Result != reason.Injected || first.Reason != reason.Requested {
				t.Fatalf("%s (%s): %s", first.Result, first.Reason, first.Message())
			}
			if diff := cmp.Diff(first, decide(pod)); diff != "" {
				t.Errorf("the same pod gives another decision (-first +second):\n%s", diff)
			}
			second := decide(patched(t, pod, &first.Plan))
			want := first
			want.Result, want.Reason, want.Plan = reason.Unchanged, reason.AlreadyInjected, plan.Plan{}
			if diff := cmp.Diff(want, second); diff != "" {
				t.Errorf("a second review (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheClusterAutoscalerMayLoseWhatWePutOnTheDisk(t *testing.T) {
	t.Parallel()
	const ours = "pillion-git-poller,pillion-no-token"
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		want string // "" is no change
	}{
		{"no annotation", MakePod("web").Git(), ours},
		{"an empty annotation", MakePod("web").Git(SafeToEvictAnnotation, ""), ours},
		{"volumes of the app stay, in their order", MakePod("web").Git(SafeToEvictAnnotation, "tmp,cache"), "tmp,cache," + ours},
		{"spaces and empty places go", MakePod("web").Git(SafeToEvictAnnotation, " tmp ,, cache,"), "tmp,cache," + ours},
		{"what is there already is not repeated", MakePod("web").Git(SafeToEvictAnnotation, "pillion-no-token,tmp"), "pillion-no-token,tmp,pillion-git-poller"},
		{"all of it is there already", MakePod("web").Git(SafeToEvictAnnotation, " pillion-no-token , pillion-git-poller"), ""},
		{"an emptyDir of the app is the app's to decide about", MakePod("web").EmptyDir("html").Mount("web", pod.VolumeMount{Name: "html", MountPath: "/srv/site"}).Git(), "pillion-no-token"},
		{"a Secret is not on the disk", MakePod("web").Git(keySecret, "s"), ours},
		{"two helpers", MakePod("web").Git().Date(), "pillion-date-writer,pillion-no-token,pillion-git-poller"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := decide(tt.pod.Obj())
			var got string
			for _, a := range d.Plan.Annotations {
				if a.Key == SafeToEvictAnnotation {
					got = a.Value
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMoreContainersThanAreConsideredAreDenied(t *testing.T) {
	t.Parallel()
	many := func(prefix string, n int) []string {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("%s-%d", prefix, i))
		}
		return names
	}
	if d := decide(MakePod(many("app", 200)...).Init(many("init", 56)...).Git().Obj()); d.Result != reason.Injected {
		t.Errorf("256 containers: %s", d.Message())
	}
	d := decide(MakePod(many("app", 200)...).Init(many("init", 57)...).Git().Obj())
	const want = "spec.containers: Invalid value: 257: is the number of containers and init containers; at most 256 are considered"
	if d.Message() != want || d.Reason != reason.TooMany {
		t.Errorf("got %s (%s), want %s", d.Message(), d.Reason, want)
	}
	if d := decide(MakePod(many("app", 300)...).Obj()); d.Result != reason.Skipped {
		t.Errorf("a pod that asks for nothing: %s", d.Message())
	}
}

func TestOurOwnContainersAreAsManyAsAnnotationsAndAdditions(t *testing.T) {
	t.Parallel()
	const additions = 2
	pod := MakePod("web")
	for i := range maxAnnotations + additions {
		pod.Init(fmt.Sprintf("pillion-%d", i))
	}
	if p := tooManyContainers(&pod.Obj().Spec, additions, nil); p != nil {
		t.Errorf("66 containers: %v", p.Error)
	}
	pod.Init("pillion-more")
	const want = `spec.initContainers: Invalid value: 67: is the number of containers whose names begin with "pillion-"; at most 66 are considered`
	if p := tooManyContainers(&pod.Obj().Spec, additions, nil); p == nil || p.Error.Error() != want {
		t.Errorf("67 containers: %v, want %s", p, want)
	}
}

func TestAHelperGoesWhereItsPositionSays(t *testing.T) {
	t.Parallel()
	names := func(p *pod.Pod) (out []string) {
		for i := range p.Spec.InitContainers {
			out = append(out, p.Spec.InitContainers[i].Name)
		}
		return out
	}
	pod := MakePod("web").Init("a", "b").Git().Date().Annotate(
		"docs.git-poller.pillion.dev/repo", "https://github.com/acme/docs", "docs.git-poller.pillion.dev/mount-path", "/srv/docs",
		"docs.git-poller.pillion.dev/position", "first", keyPosition, "first",
	).Obj()
	d := decide(pod)
	want := []string{"pillion-git-poller", "pillion-git-poller-docs", "a", "b", "pillion-date-writer"}
	if diff := cmp.Diff(want, names(patched(t, pod, &d.Plan))); diff != "" {
		t.Errorf("init containers (-want +got):\n%s", diff)
	}
}
