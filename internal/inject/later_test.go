// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// agent is a container that another webhook adds behind our back.
func agent(mounts ...pod.VolumeMount) pod.Container {
	return pod.Container{Name: "agent", VolumeMounts: mounts}
}

// readOnly mounts a volume read-only.
func readOnly(volume, at string) pod.VolumeMount {
	return pod.VolumeMount{Name: volume, MountPath: at, ReadOnly: true}
}

// A second review never denies what the first one admitted: who came later takes part if
// that works, and is left out otherwise.
func TestAContainerThatCameLater(t *testing.T) {
	t.Parallel()
	memory := pod.Volume{Name: "dshm", EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory}}
	logs := pod.Volume{Name: "logs", EmptyDir: &corev1.EmptyDirVolumeSource{}}
	conf := pod.Volume{Name: "conf", ConfigMap: &struct{}{}}
	only := func(option, containers string) *Policy {
		p := testPolicy()
		list := text(containers)
		return withRule(t, p, option, "containers", rule.Spec{Allow: []rule.Text{*list}})
	}
	for _, tt := range []struct {
		name    string
		pod     *PodBuilder
		policy  *Policy
		volumes []pod.Volume
		later   pod.Container
		first   bool // put before the app's containers
		init    bool
		leftOut []string // of the first helper in the status
		joins   []string // containers of the first helper in the status
	}{
		{name: "one that mounts nothing", pod: MakePod("web").Git(), later: agent(), joins: []string{"web", "agent"}},
		{name: "one in front of the app", pod: MakePod("web").Git(), later: agent(), first: true, joins: []string{"agent", "web"}},
		{name: "one with the parent directory read-only", pod: MakePod("web").Git(), volumes: []pod.Volume{logs}, later: agent(readOnly("logs", "/srv")), leftOut: []string{"agent"}, joins: []string{"web"}},
		{name: "one with a fixed volume at the path", pod: MakePod("web").Git(), volumes: []pod.Volume{conf}, later: agent(at("conf", "/srv/site")), leftOut: []string{"agent"}, joins: []string{"web"}},
		{name: "one with a mount inside the path", pod: MakePod("web").Git(), volumes: []pod.Volume{logs}, later: agent(at("logs", "/srv/site/x")), leftOut: []string{"agent"}, joins: []string{"web"}},
		{name: "one with another emptyDir at the path", pod: MakePod("web").Git(), volumes: []pod.Volume{logs}, later: agent(at("logs", "/srv/site")), first: true, leftOut: []string{"agent"}, joins: []string{"web"}},
		{
			name: "one with another emptyDir where the app's own is shared", pod: MakePod("web").EmptyDir("html").Mount("web", at("html", "/srv/site")).Git(),
			volumes: []pod.Volume{logs}, later: agent(at("logs", "/srv/site")), first: true, leftOut: []string{"agent"}, joins: []string{"web"},
		},
		{
			name: "one that mounts nothing where the app's own is shared", pod: MakePod("web").EmptyDir("html").Mount("web", at("html", "/srv/site")).Git(),
			later: agent(), first: true, joins: []string{"agent", "web"},
		},
		{name: "one that the policy does not allow", pod: MakePod("web").Git(), policy: only("git-poller", "web"), later: agent(), leftOut: []string{"agent"}, joins: []string{"web"}},
		{name: "one that the policy of ipc does not allow", pod: MakePod("web").Annotate(keyShm, "128Mi"), policy: only("ipc", "web"), later: agent(), leftOut: []string{"agent"}, joins: []string{"web"}},
		{name: "one with its own memory", pod: MakePod("web").Annotate(keyShm, "128Mi"), volumes: []pod.Volume{memory}, later: agent(at("dshm", "/dev/shm")), leftOut: []string{"agent"}, joins: []string{"web"}},
		{name: "one with its own disk at /dev/shm", pod: MakePod("web").Annotate(keyShm, "128Mi"), volumes: []pod.Volume{conf}, later: agent(at("conf", "/dev/shm")), first: true, leftOut: []string{"agent"}, joins: []string{"web"}},
		{name: "an init container that mounts nothing", pod: MakePod("web").Annotate(keyShm, "128Mi"), later: agent(), init: true, joins: []string{"web", "agent"}},
		{name: "one without memory beside an app with its own", pod: MakePod("web").Volume(memory).Mount("web", at("dshm", "/dev/shm")).Annotate(keyShm, "128Mi"), later: agent(), joins: []string{"web", "agent"}},
		{name: "one with a disk beside an app with its own memory", pod: MakePod("web").Volume(memory).Mount("web", at("dshm", "/dev/shm")).Annotate(keyShm, "128Mi"), volumes: []pod.Volume{conf}, later: agent(at("conf", "/dev/shm")), first: true, joins: []string{"agent", "web"}},
		{
			name: "one without requests for huge pages", pod: MakePod("web").Resources("web", [2]string{"1", ""}, [2]string{}).Annotate("ipc.pillion.dev/hugepages", "2Mi:4Mi"),
			later: agent(), leftOut: []string{"agent"}, joins: []string{"web"},
		},
		{
			name: "one without the file of a key", pod: MakePod("web").Volume(conf).Mount("web", at("conf", "/conf")).Annotate("ipc.pillion.dev/sysv", "msg:ftok(/conf/key,A)"),
			later: agent(), first: true, leftOut: []string{"agent"}, joins: []string{"web"},
		},
		{
			name: "one with another file of the key", pod: MakePod("web").Volume(conf).Mount("web", at("conf", "/conf")).Annotate("ipc.pillion.dev/sysv", "msg:ftok(/conf/key,A)"),
			volumes: []pod.Volume{logs}, later: agent(at("logs", "/conf")), first: true, leftOut: []string{"agent"}, joins: []string{"web"},
		},
		{
			name: "one that listens on the port of the metrics", pod: MakePod("web").Git("git-poller.pillion.dev/metrics-port", "9090"),
			later: pod.Container{Name: "agent", Ports: []corev1.ContainerPort{{ContainerPort: 9090}}}, joins: []string{"web", "agent"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := tt.policy
			if p == nil {
				p = testPolicy()
			}
			in := Injector{Version: "v0.1.0"}
			first := in.Decide(tt.pod.Obj(), p, nil)
			if first.Result != reason.Injected {
				t.Fatalf("the first review says %s: %s", first.Result, first.Message())
			}
			changed := patched(t, tt.pod.Obj(), &first.Plan)
			changed.Spec.Volumes = append(changed.Spec.Volumes, tt.volumes...)
			switch {
			case tt.init:
				changed.Spec.InitContainers = append(changed.Spec.InitContainers, tt.later)
			case tt.first:
				changed.Spec.Containers = append([]pod.Container{tt.later}, changed.Spec.Containers...)
			default:
				changed.Spec.Containers = append(changed.Spec.Containers, tt.later)
			}
			second := in.Decide(changed, p, nil)
			if second.Result == reason.Denied {
				t.Fatalf("the second review denies: %s", second.Message())
			}
			if diff := cmp.Diff(tt.leftOut, second.Helpers[0].LeftOut); diff != "" {
				t.Errorf("left out (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.joins, second.Helpers[0].Containers); diff != "" {
				t.Errorf("take part (-want +got):\n%s", diff)
			}
			if renewed := second.Plan.Renewed(); len(renewed) > 0 {
				t.Errorf("renewed: %v", renewed)
			}
			if third := in.Decide(patched(t, changed, &second.Plan), p, nil); third.Result != reason.Unchanged {
				t.Errorf("a third review says %s and plans %+v: %s", third.Result, third.Plan, third.Message())
			}
		})
	}
}

// Mounts that others put around ours later are their business.
func TestWhatIsMountedAroundOursLater(t *testing.T) {
	t.Parallel()
	app := MakePod("web").Git("git-poller.pillion.dev/containers", "web").Obj()
	injected := patched(t, app, &[]Decision{decide(app)}[0].Plan)
	injected.Spec.Volumes = append(injected.Spec.Volumes, pod.Volume{Name: "vault"})
	injected.Spec.Containers[0].VolumeMounts = append(injected.Spec.Containers[0].VolumeMounts, readOnly("vault", "/srv/site/secrets"), readOnly("vault", "/srv"))
	if again := decide(injected); again.Result != reason.Unchanged {
		t.Errorf("a second review says %s: %s", again.Result, again.Message())
	}
}

// An author who writes our container or status by hand gets what the annotation containers could have
// given him, and nothing else.
func TestAForgedSecondReviewGainsNothing(t *testing.T) {
	t.Parallel()
	ours := edited(t, func(map[string]any) {})
	conf := pod.Volume{Name: "conf", ConfigMap: &struct{}{}}
	only := func() *Policy {
		return withRule(t, testPolicy(), "git-poller", "containers", rule.Spec{Allow: []rule.Text{*text("web")}})
	}
	status := []string{StatusAnnotation, `{"version":"v0.1.0","result":"Injected","helpers":[{"helper":"git-poller","container":"pillion-git-poller","containers":["api"],"leftOut":["web"]}]}`}
	forged := func(names ...string) *PodBuilder {
		return MakePod(names...).RawInit(t, ours).RawVolume(t, `{"name":"pillion-git-poller","emptyDir":{"sizeLimit":"4Gi"}}`).Git(status...)
	}
	for _, tt := range []struct {
		name   string
		pod    *PodBuilder
		policy *Policy
		want   reason.Reason // of a denial
	}{
		{"nobody has the volume, and the one container cannot", forged("web").Volume(conf).Mount("web", at("conf", "/srv/site")), testPolicy(), reason.PathConflict},
		{"the status alone says who came later", MakePod("web", "api").Volume(conf).Mount("web", at("conf", "/srv/site")).Git(status...), testPolicy(), reason.PathConflict},
		{"the volume is not mounted as we mount it", forged("web", "api").Volume(conf).Mount("web", at("conf", "/srv/site")).Mount("api", at("pillion-git-poller", "/srv/site")), testPolicy(), reason.PathConflict},
		{"the one that has it is not allowed by the policy", forged("web", "api").Mount("api", readOnly("pillion-git-poller", "/srv/site")), only(), reason.ValueNotAllowed},
		{"nobody is allowed by the policy", forged("api"), only(), reason.ValueNotAllowed},
		{
			"a container that the pod itself names", forged("web", "api").Volume(conf).Mount("web", at("conf", "/srv/site")).Mount("api", readOnly("pillion-git-poller", "/srv/site")).
				Git("git-poller.pillion.dev/containers", "web,api"), testPolicy(), reason.PathConflict,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := Injector{Version: "v0.1.0"}.Decide(tt.pod.Obj(), tt.policy, nil)
			if d.Result != reason.Denied || d.Reason != tt.want {
				t.Errorf("%s (%s): %s", d.Result, d.Reason, d.Message())
			}
		})
	}
	t.Run("what is left out could have been left out by the annotation", func(t *testing.T) {
		t.Parallel()
		app := func() *PodBuilder { return MakePod("web", "api").Volume(conf).Mount("web", at("conf", "/srv/site")) }
		lied := app().RawInit(t, ours).RawVolume(t, `{"name":"pillion-git-poller","emptyDir":{"sizeLimit":"4Gi"}}`).Mount("api", readOnly("pillion-git-poller", "/srv/site")).Git()
		honest := app().Git("git-poller.pillion.dev/containers", "api")
		got, want := decide(lied.Obj()), decide(honest.Obj())
		if got.Result != reason.Injected || want.Result != reason.Injected {
			t.Fatalf("%s %s: %s %s", got.Result, want.Result, got.Message(), want.Message())
		}
		if diff := cmp.Diff(mountsOf(patched(t, honest.Obj(), &want.Plan)), mountsOf(patched(t, lied.Obj(), &got.Plan))); diff != "" {
			t.Errorf("mounts (-honest +forged):\n%s", diff)
		}
	})
}

// mountsOf are the mounts of the containers of the app.
func mountsOf(p *pod.Pod) (mounts [][]pod.VolumeMount) {
	for i := range p.Spec.Containers {
		mounts = append(mounts, slices.Clone(p.Spec.Containers[i].VolumeMounts))
	}
	return mounts
}
