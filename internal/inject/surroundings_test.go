// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// What the rest of a pod does to a helper is said when the pod is made.
func TestSurroundingsAreWarnedOf(t *testing.T) {
	t.Parallel()
	const secret, process = "git-poller.pillion.dev/secret", "ipc.pillion.dev/process"
	const readable = "pillion: git-poller: processes are shared: containers of user 65532, or of root, can read its Secret"
	const noNetwork = "pillion: git-poller: has no network if the mesh proxy is an ordinary container; "
	spec := func(change func(*pod.Spec)) func(*pod.Pod) { return func(p *pod.Pod) { change(&p.Spec) } }
	user := func(id int64) func(*pod.Pod) {
		return spec(func(s *pod.Spec) { s.SecurityContext = &pod.Security{RunAsUser: &id} })
	}
	guaranteed := spec(func(s *pod.Spec) {
		s.Containers[0].Resources.Limits = corev1.ResourceList{"cpu": resource.MustParse("1"), "memory": resource.MustParse("1Gi")}
	})
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		want []string
	}{
		{"a Secret in a pod that shares processes", MakePod("web").Git(secret, "s", process, "true"), []string{readable}},
		{"a pod that shares them by itself", MakePod("web").Git(secret, "s").Change(spec(func(s *pod.Spec) { s.ShareProcessNamespace = new(true) })), []string{readable}},
		{"a pod that sees the node's", MakePod("web").Git(secret, "s").Change(spec(func(s *pod.Spec) { s.HostPID = true })), []string{readable}},
		{"an app of the helper's user", MakePod("web").Git(secret, "s", process, "true").Change(user(65532)), []string{readable}},
		{"an app of another user", MakePod("web").Git(secret, "s", process, "true").Change(user(1000)), nil},
		{"no Secret", MakePod("web").Git(process, "true"), nil},
		{"no shared processes", MakePod("web").Git(secret, "s", process, "false"), nil},
		{"a mesh proxy that is an ordinary container", MakePod("web", "istio-proxy").Git(keyTargets, "web"), []string{`pillion: git-poller: starts before istio-proxy, without which it may have no network; set wait to "false"`}},
		{"a mesh proxy and a fetch that has to end first", MakePod("web", "linkerd-proxy").Git(keyTargets, "web", keyMode, "once"), []string{"pillion: git-poller: starts before linkerd-proxy, without which it may have no network; use mode poll"}},
		{"a mesh proxy that is a sidecar", MakePod("web").Sidecar("istio-proxy").Git(keyTargets, "web"), nil},
		{"a mesh proxy and no wait", MakePod("web", "istio-proxy").Git(keyTargets, "web", "git-poller.pillion.dev/wait", "false"), nil},
		{"a mesh that is asked for", MakePod("web").Git("linkerd.io/inject", "enabled"), []string{noNetwork + `set wait to "false"`}},
		{"a mesh whose proxy is asked to be a sidecar", MakePod("web").Git("linkerd.io/inject", "enabled", "config.linkerd.io/proxy-enable-native-sidecar", "true"), nil},
		{"and asked by the name of earlier releases", MakePod("web").Git("linkerd.io/inject", "enabled", "config.beta.linkerd.io/proxy-enable-native-sidecar", "true"), nil},
		{"a mesh that is declined", MakePod("web").Git("sidecar.istio.io/inject", "false"), nil},
		{"a date-writer in a mesh", MakePod("web", "istio-proxy").Date(), nil},
		{"a pod of the Guaranteed class", MakePod("web").Git().Change(guaranteed), []string{"pillion: git-poller: requests its limits, cpu 500m and memory 256Mi, since the pod is Guaranteed"}},
		{"an AppArmor profile of the node", MakePod("web").Git().Date().Change(spec(func(s *pod.Spec) {
			s.SecurityContext = &pod.Security{AppArmorProfile: &pod.AppArmor{Type: "Localhost", LocalhostProfile: new("k8s-nginx")}}
		})), []string{"pillion: the pod's AppArmor profile k8s-nginx holds for helpers as well; it must allow what they do"}},
		{"the runtime's AppArmor profile", MakePod("web").Git().Change(spec(func(s *pod.Spec) {
			s.SecurityContext = &pod.Security{AppArmorProfile: &pod.AppArmor{Type: "RuntimeDefault"}}
		})), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := decide(tt.pod.Obj())
			if diff := cmp.Diff(tt.want, d.Warnings); diff != "" || d.Result != reason.Injected {
				t.Errorf("%s; warnings (-want +got):\n%s", d.Message(), diff)
			}
			for _, w := range d.Warnings {
				if len(w) > 120 {
					t.Errorf("%d characters: %s", len(w), w)
				}
			}
		})
	}
}

// The kubelet holds the sum of the limits against all that the pod has on disk.
func TestAHelperPaysForItsVolumeWhereStorageIsLimited(t *testing.T) {
	t.Parallel()
	limited := func(p *pod.Pod) {
		p.Spec.Containers[0].Resources.Limits = corev1.ResourceList{"ephemeral-storage": resource.MustParse("1Gi")}
	}
	asks := func(p *pod.Pod) {
		limited(p)
		p.Spec.Containers[0].Resources.Requests = corev1.ResourceList{"ephemeral-storage": resource.MustParse("10Mi")}
	}
	for _, tt := range []struct {
		name           string
		pod            *PodBuilder
		limit, request string
	}{
		{"no container has a limit", MakePod("web").Git(), "", ""},
		{"a git-poller", MakePod("web").Git().Change(limited), "4160Mi", "1Gi"},
		{"an app that requests less", MakePod("web").Git().Change(asks), "4160Mi", "10Mi"},
		{"a git-poller that fills a volume of the app", MakePod("web").EmptyDir("html").Mount("web", pod.VolumeMount{Name: "html", MountPath: "/srv/site"}).Git(keyMountPath, "/srv/site").Change(limited), "4160Mi", "1Gi"},
		{"a date-writer", MakePod("web").Date().Change(limited), "70Mi", "70Mi"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, d := again(t, tt.pod.Obj())
			got, request := "", ""
			for _, c := range d.Plan.Containers {
				if limit, has := c.Container.Resources.Limits["ephemeral-storage"]; has {
					asked := c.Container.Resources.Requests["ephemeral-storage"]
					got, request = limit.String(), asked.String()
				}
			}
			if got != tt.limit || request != tt.request {
				t.Errorf("the limit is %q and the request %q, want %q and %q", got, request, tt.limit, tt.request)
			}
		})
	}
}

func TestAHookThatKeepsAwayWhatIsWaitedForIsDenied(t *testing.T) {
	t.Parallel()
	hook := func(p *pod.Pod) { p.Spec.Containers[0].Lifecycle = &pod.Lifecycle{PostStart: &struct{}{}} }
	pod := MakePod("web", "db").Annotate(keyAfter, "web=started:db").Change(commands).Change(hook).Obj()
	want := `metadata.annotations[start.pillion.dev/after]: Invalid value: "web=started:db": container "web" has a postStart hook, and Kubernetes starts no later container before the hook ends; ` +
		`"db" is a later one; put "db" first, or remove the hook`
	if d := decide(pod); d.Message() != want || d.Reason != reason.Contradiction {
		t.Errorf("got  %s\nwant %s", d.Message(), want)
	}
}
