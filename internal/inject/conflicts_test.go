// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

func at(volume, path string) pod.VolumeMount { return pod.VolumeMount{Name: volume, MountPath: path} }

func TestAPathThatIsTakenIsDenied(t *testing.T) {
	t.Parallel()
	const path = "/srv/site" // of git-poller
	var (
		configMap   = pod.Volume{Name: "v", ConfigMap: &struct{}{}}
		secret      = pod.Volume{Name: "v", Secret: &struct{}{}}
		projected   = pod.Volume{Name: "v", Projected: &struct{}{}}
		downwardAPI = pod.Volume{Name: "v", DownwardAPI: &struct{}{}}
		readOnly    = func(volume, path string) pod.VolumeMount {
			return pod.VolumeMount{Name: volume, MountPath: path, ReadOnly: true}
		}
		taken = func(kind string) string {
			return `container "web" mounts the volume "v" (` + kind + `) there; choose another path, or make that volume an emptyDir to share it`
		}
		inside = func(p string) string {
			return `container "web" has a mount at ` + p + `, inside it; choose a path that contains no other mount`
		}
		noMountPoint = func(p string) string {
			return `container "web" mounts the volume "v" at ` + p + `, in which no mount point can be made; choose a path outside it`
		}
		subPath = `container "web" mounts the volume "v" there with a subPath, below which nothing can be published; mount the volume without it`
		device  = func(p string) string {
			return `container "web" has the block device "disk" at ` + p + `; choose another path`
		}
	)
	devices := func(p string) *PodBuilder {
		return MakePod("web").Change(func(pod *pod.Pod) {
			pod.Spec.Containers[0].VolumeDevices = []corev1.VolumeDevice{{Name: "disk", DevicePath: p}}
		})
	}
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		want string
	}{
		{"a configMap is there", MakePod("web").Volume(configMap).Mount("web", at("v", path)), taken("configMap")},
		{"a secret is there", MakePod("web").Volume(secret).Mount("web", at("v", path)), taken("secret")},
		{"a projected volume is there", MakePod("web").Volume(projected).Mount("web", at("v", path)), taken("projected")},
		{"a downwardAPI volume is there", MakePod("web").Volume(downwardAPI).Mount("web", at("v", path)), taken("downwardAPI")},
		{"a claim is there", MakePod("web").Volume(pod.Volume{Name: "v"}).Mount("web", at("v", path)), taken("not an emptyDir")},
		{"a volume that the pod does not have is there", MakePod("web").Mount("web", at("v", path)), taken("not an emptyDir")},
		{"a configMap is there with a slash behind", MakePod("web").Volume(configMap).Mount("web", at("v", path+"/")), taken("configMap")},
		{"a configMap is there with two slashes", MakePod("web").Volume(configMap).Mount("web", at("v", "/srv//site")), taken("configMap")},
		{"a configMap is there without the slash in front", MakePod("web").Volume(configMap).Mount("web", at("v", "srv/site")), taken("configMap")},
		{"a configMap is there by a detour", MakePod("web").Volume(configMap).Mount("web", at("v", "/srv/x/../site")), taken("configMap")},
		{"a configMap is there with a subPath", MakePod("web").Volume(configMap).Mount("web", pod.VolumeMount{Name: "v", MountPath: path, SubPath: "a"}), taken("configMap")},

		{"a part of an emptyDir is there", MakePod("web").EmptyDir("v").Mount("web", pod.VolumeMount{Name: "v", MountPath: path, SubPath: "a"}), subPath},
		{"a part of an emptyDir is there by an expression", MakePod("web").EmptyDir("v").Mount("web", pod.VolumeMount{Name: "v", MountPath: path, SubPathExpr: "$(A)"}), subPath},

		{"an emptyDir is inside", MakePod("web").EmptyDir("v").Mount("web", at("v", path+"/cache")), inside(path + "/cache")},
		{"a file of a configMap is far inside", MakePod("web").Volume(configMap).Mount("web", pod.VolumeMount{Name: "v", MountPath: path + "/a/b/c.json", SubPath: "c.json"}), inside(path + "/a/b/c.json")},
		{"an emptyDir is there and a configMap inside", MakePod("web").EmptyDir("w").Volume(configMap).Mount("web", at("w", path)).Mount("web", at("v", path+"/conf/")), inside(path + "/conf")},

		{"a configMap is around", MakePod("web").Volume(configMap).Mount("web", at("v", "/srv")), noMountPoint("/srv")},
		{"a secret is around", MakePod("web").Volume(secret).Mount("web", at("v", "/srv/")), noMountPoint("/srv")},
		{"a projected volume is around", MakePod("web").Volume(projected).Mount("web", at("v", "/srv")), noMountPoint("/srv")},
		{"a downwardAPI volume is around", MakePod("web").Volume(downwardAPI).Mount("web", at("v", "/srv")), noMountPoint("/srv")},
		{"an image is around", MakePod("web").Volume(pod.Volume{Name: "v", Image: &struct{}{}}).Mount("web", at("v", "/srv")), noMountPoint("/srv")},
		{"a claim that is read-only itself is around", MakePod("web").Volume(pod.Volume{Name: "v", PersistentVolumeClaim: &pod.ReadOnlySource{ReadOnly: true}}).Mount("web", at("v", "/srv")), noMountPoint("/srv")},
		{"a read-only emptyDir is around", MakePod("web").EmptyDir("v").Mount("web", readOnly("v", "/srv")), noMountPoint("/srv")},
		{"a read-only claim is around", MakePod("web").Volume(pod.Volume{Name: "v"}).Mount("web", readOnly("v", "/srv")), noMountPoint("/srv")},
		{"a read-only volume is mounted over the root", MakePod("web").Volume(pod.Volume{Name: "v"}).Mount("web", readOnly("v", "/")), noMountPoint("/")},

		{
			"two volumes are there, in two spellings of the path", MakePod("web").EmptyDir("v").EmptyDir("w").Mount("web", at("v", path)).Mount("web", at("w", path+"/")),
			`container "web" mounts two volumes there, "v" and "w"; remove one of them`,
		},
		{
			"our own volume and another are there, in two spellings of the path", MakePod("web").EmptyDir("v").Mount("web", at("pillion-git-poller", path)).Mount("web", at("v", path+"/")),
			`container "web" mounts two volumes there, "pillion-git-poller" and "v"; remove one of them`,
		},

		{"a block device is there", devices(path), device(path)},
		{"a block device is inside", devices(path + "/disk"), device(path + "/disk")},
		{"a block device is there with a slash behind", devices(path + "/"), device(path + "/")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := decide(tt.pod.Git().Obj())
			want := wrong(keyMountPath, path, tt.want)
			if got := d.Message(); got != want || d.Reason != reason.PathConflict {
				t.Errorf("got  %s (%s)\nwant %s", got, d.Reason, want)
			}
		})
	}
}

func TestAPathThatIsNotTakenIsFree(t *testing.T) {
	t.Parallel()
	configMap := pod.Volume{Name: "v", ConfigMap: &struct{}{}}
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
	}{
		{"a mount beside it", MakePod("web").Volume(configMap).Mount("web", at("v", "/srv/other"))},
		{"a mount whose path begins like it", MakePod("web").Volume(configMap).Mount("web", at("v", "/srv/site-config"))},
		{"a mount around whose path begins like a part of it", MakePod("web").Volume(configMap).Mount("web", at("v", "/srv/si"))},
		{"a writable emptyDir around it", MakePod("web").EmptyDir("v").Mount("web", at("v", "/srv"))},
		{"a writable claim around it", MakePod("web").Volume(pod.Volume{Name: "v"}).Mount("web", at("v", "/srv"))},
		{"a configMap there in a container that does not take part", MakePod("web", "api").Volume(configMap).Mount("api", at("v", "/srv/site")).Git(keyTargets, "web")},
		{"a configMap there in an init container", MakePod("web").Init("setup").Volume(configMap).Mount("setup", at("v", "/srv/site"))},
		{"a block device elsewhere", MakePod("web").Change(func(p *pod.Pod) {
			p.Spec.Containers[0].VolumeDevices = []corev1.VolumeDevice{{Name: "disk", DevicePath: "/dev/xvda"}}
		})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := decide(tt.pod.Git().Obj())
			want := []plan.Mount{{Mount: corev1.VolumeMount{Name: "pillion-git-poller", MountPath: "/srv/site", ReadOnly: true}, Renew: plan.Insert}}
			if diff := cmp.Diff(want, d.Plan.Mounts); diff != "" {
				t.Errorf("mounts, %s (-want +got):\n%s", d.Message(), diff)
			}
		})
	}
}

func TestAnEmptyDirOfTheAppIsShared(t *testing.T) {
	t.Parallel()
	helperMount := func(volume string) corev1.VolumeMount {
		return corev1.VolumeMount{Name: volume, MountPath: helper.ContentDir}
	}
	insert := func(index int, init, readOnly bool) plan.Mount {
		return plan.Mount{
			Container: pod.Ref{Init: init, Index: index}, Renew: plan.Insert,
			Mount: corev1.VolumeMount{Name: "html", MountPath: "/srv/site", ReadOnly: readOnly},
		}
	}
	for _, tt := range []struct {
		name   string
		pod    *PodBuilder
		mounts []plan.Mount
	}{
		{"the one container has it", MakePod("web").Mount("web", at("html", "/srv/site")), nil},
		{"it is mounted with a slash behind", MakePod("web").Mount("web", at("html", "/srv/site/")), nil},
		{"it is mounted read-only, and stays so", MakePod("web").Mount("web", pod.VolumeMount{Name: "html", MountPath: "/srv/site", ReadOnly: true}).Git("git-poller.pillion.dev/writable", "true"), nil},
		{"it is mounted writable, and stays so", MakePod("web").Mount("web", at("html", "/srv/site")).Git("git-poller.pillion.dev/writable", "false"), nil},
		{"both containers have it", MakePod("web", "api").Mount("web", at("html", "/srv/site")).Mount("api", at("html", "/srv/site")), nil},
		{"the first of two has it", MakePod("web", "api").Mount("web", at("html", "/srv/site")), []plan.Mount{insert(1, false, true)}},
		{"the second of two has it", MakePod("api", "web").Mount("web", at("html", "/srv/site")), []plan.Mount{insert(0, false, true)}},
		{"the other one gets it writable if asked for", MakePod("api", "web").Mount("web", at("html", "/srv/site")).Git("git-poller.pillion.dev/writable", "true"), []plan.Mount{insert(0, false, false)}},
		{"an init container has it", MakePod("web").Init("setup").Mount("setup", at("html", "/srv/site")).Git(keyTargets, "setup,web", keyPosition, "first"), []plan.Mount{insert(0, false, true)}},
		{"it is around a mount of its own elsewhere", MakePod("web").Mount("web", at("html", "/srv")).Mount("web", at("html", "/srv/site")), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pod := tt.pod.EmptyDir("html", "other").Git().Obj()
			c, d := planned(t, tt.pod)
			if diff := cmp.Diff(tt.mounts, d.Plan.Mounts); diff != "" {
				t.Errorf("mounts of the app (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(helperMount("html"), c.VolumeMounts[0]); diff != "" {
				t.Errorf("mount of the helper (-want +got):\n%s", diff)
			}
			if len(d.Plan.Volumes) != 1 || d.Plan.Volumes[0].Volume.Name != "pillion-no-token" {
				t.Errorf("the volumes %+v are added", d.Plan.Volumes)
			}
			if diff := cmp.Diff([]string{"html", "pillion-no-token"}, d.Helpers[0].Volumes); diff != "" {
				t.Errorf("volumes in the status (-want +got):\n%s", diff)
			}
			if again := decide(patched(t, pod, &d.Plan)); again.Result != reason.Unchanged {
				t.Errorf("a second review says %s: %s", again.Result, again.Message())
			}
		})
	}
}

func TestTargetsMustShareOneVolume(t *testing.T) {
	t.Parallel()
	pod := MakePod("web", "api", "worker").EmptyDir("a", "b").
		Mount("web", at("a", "/srv/site")).Mount("worker", at("b", "/srv/site"))
	const share = `container "web" mounts the volume "a" there and container "worker" the volume "b"; they must share one emptyDir, or take part one at a time (option containers)`
	d := decide(pod.Git().Obj())
	if want := wrong(keyMountPath, "/srv/site", share); d.Message() != want || d.Reason != reason.PathConflict {
		t.Errorf("got  %s (%s)\nwant %s", d.Message(), d.Reason, want)
	}
	if d := decide(pod.Git(keyTargets, "web,api").Obj()); d.Result != reason.Injected {
		t.Errorf("one at a time: %s", d.Message())
	}
}

func TestTwoHelpersNeedTwoDirectories(t *testing.T) {
	t.Parallel()
	const docs = "docs.git-poller.pillion.dev/"
	second := func(b *PodBuilder, path string) *PodBuilder {
		return b.Git().Annotate(docs+"repo", "https://github.com/acme/docs", docs+"mount-path", path)
	}
	already := func(container, what, helper, path string) string {
		return `container "` + container + `" gets ` + what + ` from ` + helper + ` at ` + path + ` already; give each helper a directory of its own`
	}
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		want []string
	}{
		{
			"two helpers on one path", MakePod("web").Git().Date(keyDatePath, "/srv/site"),
			[]string{wrong(keyMountPath, "/srv/site", already("web", "its content", "date-writer", "/srv/site"))},
		},
		{
			"two instances on one path", second(MakePod("web"), "/srv/site"),
			[]string{wrong(docs+"mount-path", "/srv/site", already("web", "its content", "git-poller", "/srv/site"))},
		},
		{
			"an instance inside the other", second(MakePod("web"), "/srv/site/docs"),
			[]string{wrong(docs+"mount-path", "/srv/site/docs", already("web", "its content", "git-poller", "/srv/site"))},
		},
		{
			"an instance around the other", second(MakePod("web"), "/srv"),
			[]string{wrong(docs+"mount-path", "/srv", already("web", "its content", "git-poller", "/srv/site"))},
		},
		{
			"two helpers in one emptyDir of the app", second(MakePod("web"), "/srv/docs").EmptyDir("html").Mount("web", at("html", "/srv/site")).Mount("web", at("html", "/srv/docs")),
			[]string{wrong(docs+"mount-path", "/srv/docs", already("web", "the volume html", "git-poller", "/srv/site"))},
		},
		{
			"two helpers in one emptyDir of two containers", MakePod("web", "api").EmptyDir("html").Mount("web", at("html", "/srv/site")).Mount("api", at("html", "/srv/date")).
				Git(keyTargets, "web").Date("date-writer.pillion.dev/containers", "api"),
			[]string{wrong(keyMountPath, "/srv/site", `the volume "html" is filled by date-writer already; give each helper a volume of its own`)},
		},
		{"two helpers on one path in two containers", MakePod("web", "api").Git(keyTargets, "web").Date(keyDatePath, "/srv/site", "date-writer.pillion.dev/containers", "api"), nil},
		{"two instances beside each other", second(MakePod("web"), "/srv/site-docs"), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := decide(tt.pod.Obj())
			if diff := cmp.Diff(tt.want, sentences(d)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if d.Result == reason.Denied && d.Reason != reason.PathConflict {
				t.Errorf("the reason is %s", d.Reason)
			}
		})
	}
}
