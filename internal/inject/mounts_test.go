// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/plan"
)

func TestTheAppReadsAndTheHelperWrites(t *testing.T) {
	t.Parallel()
	const writable = "git-poller.pillion.dev/writable"
	for _, tt := range []struct {
		name     string
		pod      *PodBuilder
		volume   string
		path     string
		readOnly bool // for the app
	}{
		{"git-poller", MakePod("web").Git(), "pillion-git-poller", "/srv/site", true},
		{"git-poller that is asked for a writable directory", MakePod("web").Git(writable, "true"), "pillion-git-poller", "/srv/site", false},
		{"git-poller that is asked for a read-only directory", MakePod("web").Git(writable, "false"), "pillion-git-poller", "/srv/site", true},
		{"date-writer", MakePod("web").Date(), "pillion-date-writer", "/srv/date", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, d := planned(t, tt.pod)
			app := []plan.Mount{{Mount: corev1.VolumeMount{Name: tt.volume, MountPath: tt.path, ReadOnly: tt.readOnly}, Renew: plan.Insert}}
			if diff := cmp.Diff(app, d.Plan.Mounts); diff != "" {
				t.Errorf("mounts of the app (-want +got):\n%s", diff)
			}
			helper := corev1.VolumeMount{Name: tt.volume, MountPath: "/pillion/content"}
			if diff := cmp.Diff(helper, c.VolumeMounts[0]); diff != "" {
				t.Errorf("mount of the helper (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatAHelperIsGivenItCannotChange(t *testing.T) {
	t.Parallel()
	c, _ := planned(t, MakePod("web").Git(keySecret, "s", "git-poller.pillion.dev/ca-configmap", "c"))
	want := []corev1.VolumeMount{
		{Name: "pillion-git-poller", MountPath: "/pillion/content"},
		{Name: "pillion-auth-git-poller", MountPath: "/pillion/auth", ReadOnly: true},
		{Name: "pillion-ca-git-poller", MountPath: "/pillion/ca", ReadOnly: true},
		{Name: "pillion-no-token", MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true},
	}
	if diff := cmp.Diff(want, c.VolumeMounts); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
}

func TestAHelperIsToldOfOneConflictForEachContainer(t *testing.T) {
	t.Parallel()
	const docs = "docs.git-poller.pillion.dev/"
	pod := MakePod("web").Git().Date(keyDatePath, "/srv/site").Annotate(docs+"repo", "https://github.com/acme/docs", docs+"mount-path", "/srv/site")
	const taken = `container "web" gets its content from date-writer at /srv/site already; give each helper a directory of its own`
	want := []string{wrong(keyMountPath, "/srv/site", taken), wrong(docs+"mount-path", "/srv/site", taken)}
	if diff := cmp.Diff(want, sentences(decide(pod.Obj()))); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestAPlanIsEmptyIfAllOfItIs(t *testing.T) {
	t.Parallel()
	fill := []func(p *plan.Plan){
		func(p *plan.Plan) { p.Containers = make([]plan.Container, 1) },
		func(p *plan.Plan) { p.Volumes = make([]plan.Volume, 1) },
		func(p *plan.Plan) { p.Mounts = make([]plan.Mount, 1) },
		func(p *plan.Plan) { p.Commands = make([]plan.Wrap, 1) },
		func(p *plan.Plan) { p.HugePages = make([]plan.HugePages, 1) },
		func(p *plan.Plan) { p.Settings.ShareProcesses = true },
		func(p *plan.Plan) { p.Settings.FSGroup = new(int64) },
		func(p *plan.Plan) { p.Settings.Sysctls = make([]corev1.Sysctl, 1) },
		func(p *plan.Plan) { p.PullSecrets = make([]corev1.LocalObjectReference, 1) },
		func(p *plan.Plan) { p.Annotations = make([]plan.Annotation, 1) },
	}
	for parts := range 1 << len(fill) {
		var p plan.Plan
		for i := range fill {
			if parts&(1<<i) != 0 {
				fill[i](&p)
			}
		}
		if p.Empty() != (parts == 0) {
			t.Errorf("empty %t: %+v", p.Empty(), p)
		}
	}
}

func TestAVolumeOfOursIsKeptInWhateverOrderItIsWritten(t *testing.T) {
	t.Parallel()
	pod := MakePod("web").RawVolume(t, `{ "emptyDir": {"sizeLimit": "4Gi"}, "name": "pillion-git-poller" }`).Git()
	_, d := planned(t, pod)
	if len(d.Plan.Volumes) != 1 || d.Plan.Volumes[0].Volume.Name != "pillion-no-token" || d.Plan.Renewed() != nil {
		t.Errorf("the volumes %+v are planned, and %v renewed", d.Plan.Volumes, d.Plan.Renewed())
	}
}
