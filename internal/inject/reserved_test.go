// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

func TestAReservedNameIsOursAlone(t *testing.T) {
	t.Parallel()
	name := func(path, name, what string) string {
		return path + `: Invalid value: "` + name + `": ` + what + `; rename it: names that begin with "pillion-" are Pillion's own`
	}
	const (
		noHelper = "is not a helper that this pod asks for"
		noShare  = "is not a volume that helpers share with an app"
	)
	git := decide(MakePod("web").Git(keySecret, "s").Obj()).Plan
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		want []string
	}{
		{"a container of the app with a name of ours", MakePod("web", "pillion-web").Git(), []string{name("spec.containers[1].name", "pillion-web", noHelper)}},
		{"a container of the app with the helper's very name", MakePod("web", "pillion-git-poller").Git(), []string{name("spec.containers[1].name", "pillion-git-poller", noHelper)}},
		{"a container of the app with nothing but the prefix", MakePod("web", "pillion-").Git(), []string{name("spec.containers[1].name", "pillion-", noHelper)}},
		{"an init container that is no helper of the pod", MakePod("web").Init("setup", "pillion-setup").Git(), []string{name("spec.initContainers[1].name", "pillion-setup", noHelper)}},
		{"an init container that would be another helper", MakePod("web").Init("pillion-date-writer").Git(), []string{name("spec.initContainers[0].name", "pillion-date-writer", noHelper)}},
		{"an init container that would be another instance", MakePod("web").Init("pillion-git-poller-docs").Git(), []string{name("spec.initContainers[0].name", "pillion-git-poller-docs", noHelper)}},
		{
			"a container that mounts the helper's Secret", MakePod("web").Mount("web", at("pillion-auth-git-poller", "/stolen")).Git(keySecret, "s"),
			[]string{name("spec.containers[0].volumeMounts[0].name", "pillion-auth-git-poller", noShare)},
		},
		{
			"an init container that mounts the helper's Secret", MakePod("web").Init("setup").Mount("setup", at("x", "/x")).Mount("setup", at("pillion-auth-git-poller", "/stolen")).Git(keySecret, "s"),
			[]string{name("spec.initContainers[0].volumeMounts[1].name", "pillion-auth-git-poller", noShare)},
		},
		{
			"a container that mounts the helper's authorities", MakePod("web").Mount("web", at("pillion-ca-git-poller", "/ca")).Git("git-poller.pillion.dev/ca-configmap", "c"),
			[]string{name("spec.containers[0].volumeMounts[0].name", "pillion-ca-git-poller", noShare)},
		},
		{
			"a container that mounts what shadows the token", MakePod("web").Mount("web", at("pillion-no-token", "/x")).Git(),
			[]string{name("spec.containers[0].volumeMounts[0].name", "pillion-no-token", noShare)},
		},
		{
			"a container that mounts the content of another instance", MakePod("web").Mount("web", at("pillion-git-poller-docs", "/x")).Git(),
			[]string{name("spec.containers[0].volumeMounts[0].name", "pillion-git-poller-docs", noShare)},
		},
		{
			"a container that uses a volume of our name as a block device", MakePod("web").Change(func(p *pod.Pod) {
				p.Spec.Containers[0].VolumeDevices = []corev1.VolumeDevice{{Name: "pillion-git-poller", DevicePath: "/dev/xvda"}}
			}).Git(),
			[]string{name("spec.containers[0].volumeDevices[0].name", "pillion-git-poller", "is not a volume that an app can use as a device")},
		},
		{"three of them at once", MakePod("web", "pillion-a").Init("pillion-b").Mount("web", at("pillion-no-token", "/x")).Git(), []string{
			name("spec.initContainers[0].name", "pillion-b", noHelper),
			name("spec.containers[0].volumeMounts[0].name", "pillion-no-token", noShare),
			name("spec.containers[1].name", "pillion-a", noHelper),
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := decide(tt.pod.Obj())
			if diff := cmp.Diff(tt.want, sentences(d)); diff != "" || d.Reason != reason.ReservedName || !d.Plan.Empty() {
				t.Errorf("problems, %s (-want +got):\n%s", d.Reason, diff)
			}
			// The same pod is denied when it brings the helper along.
			pod := patched(t, tt.pod.Obj(), &git)
			if again := decide(pod); again.Result != reason.Denied || again.Reason != reason.ReservedName {
				t.Errorf("with the helper in place: %s (%s)", again.Result, again.Reason)
			}
		})
	}
}

func TestAMistakeIsReportedBeforeASquatter(t *testing.T) {
	t.Parallel()
	d := decide(MakePod("web", "pillion-web").Git(keyRef, "-x").Obj())
	if want := wrong(keyRef, "-x", "must not begin with '-'"); d.Message() != want {
		t.Errorf("got  %s\nwant %s", d.Message(), want)
	}
}

func TestAReservedNameIsOfNoInterestInAPodThatAsksForNothing(t *testing.T) {
	t.Parallel()
	if d := decide(MakePod("pillion-web").Init("pillion-x").Annotate(InjectAnnotation, "false").Obj()); d.Result != reason.Skipped || !d.Plan.Empty() {
		t.Errorf("%s: %s", d.Result, d.Message())
	}
}

func TestTheAppMayMountTheContentAtAFurtherPath(t *testing.T) {
	t.Parallel()
	pod := MakePod("web").Mount("web", readOnly("pillion-git-poller", "/backup")).Git()
	_, d := planned(t, pod)
	want := []plan.Mount{{Mount: corev1.VolumeMount{Name: "pillion-git-poller", MountPath: "/srv/site", ReadOnly: true}, Renew: plan.Insert}}
	if diff := cmp.Diff(want, d.Plan.Mounts); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
}

// What bears a reserved name of a helper of the pod, and is not what policy says, is
// replaced: squatting on a name gains its owner nothing (research: T17, T18).
func TestASquatterOnAVolumeIsRenewed(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{
		"a hostPath":                   `"hostPath":{"path":"/"}`,
		"a Secret":                     `"secret":{"secretName":"admin"}`,
		"a ConfigMap":                  `"configMap":{"name":"x"}`,
		"a claim":                      `"persistentVolumeClaim":{"claimName":"x"}`,
		"a projected volume":           `"projected":{"sources":[]}`,
		"a downwardAPI volume":         `"downwardAPI":{"items":[]}`,
		"an ephemeral volume":          `"ephemeral":{"volumeClaimTemplate":{}}`,
		"a CSI volume":                 `"csi":{"driver":"x"}`,
		"an NFS volume":                `"nfs":{"server":"x","path":"/"}`,
		"an image":                     `"image":{"reference":"x"}`,
		"an emptyDir without a limit":  `"emptyDir":{}`,
		"an emptyDir in memory":        `"emptyDir":{"medium":"Memory","sizeLimit":"4Gi"}`,
		"an emptyDir of another size":  `"emptyDir":{"sizeLimit":"5Gi"}`,
		"two sources":                  `"emptyDir":{"sizeLimit":"4Gi"},"hostPath":{"path":"/"}`,
		"a source that nobody knows":   `"quantumDisk":{}`,
		"a field that nobody knows":    `"emptyDir":{"sizeLimit":"4Gi","entangled":true}`,
		"a field beside the right one": `"emptyDir":{"sizeLimit":"4Gi"},"x":1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := MakePod("web").EmptyDir("data").RawVolume(t, `{"name":"pillion-git-poller",`+source+`}`).Git()
			_, d := planned(t, pod)
			want := plan.Volume{Volume: helper.EmptyDir("pillion-git-poller", resource.MustParse("4Gi")), Renew: 1}
			if diff := cmp.Diff(want, d.Plan.Volumes[0]); diff != "" {
				t.Errorf("volume (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"pillion-git-poller"}, d.Plan.Renewed()); diff != "" {
				t.Errorf("renewed (-want +got):\n%s", diff)
			}
			if again := decide(patched(t, pod.Obj(), &d.Plan)); again.Result != reason.Unchanged {
				t.Errorf("a second review says %s: %s", again.Result, again.Message())
			}
		})
	}
}

// edited is our own container with a change of its JSON.
func edited(t *testing.T, edit func(c map[string]any)) string {
	t.Helper()
	var c map[string]any
	decode(t, encode(t, decide(MakePod("web").Git().Obj()).Plan.Containers[0].Container), &c)
	edit(c)
	return string(encode(t, c))
}

func TestASquatterOnAContainerIsRenewed(t *testing.T) {
	t.Parallel()
	object := func(c map[string]any, names ...string) map[string]any {
		for _, name := range names {
			c = c[name].(map[string]any)
		}
		return c
	}
	for name, edit := range map[string]func(c map[string]any){
		"another image":                 func(c map[string]any) { c["image"] = "evil" },
		"another command":               func(c map[string]any) { c["command"] = []string{"sh", "-c", "x"} },
		"one argument more":             func(c map[string]any) { c["args"] = append(c["args"].([]any), "--x") },
		"another order of arguments":    func(c map[string]any) { slices.Reverse(c["args"].([]any)) },
		"no restart policy":             func(c map[string]any) { delete(c, "restartPolicy") },
		"an environment":                func(c map[string]any) { c["env"] = []any{map[string]string{"name": "A", "value": "b"}} },
		"a port":                        func(c map[string]any) { c["ports"] = []any{map[string]int{"containerPort": 80}} },
		"privileges":                    func(c map[string]any) { object(c, "securityContext")["privileged"] = true },
		"root":                          func(c map[string]any) { object(c, "securityContext")["runAsUser"] = 0 },
		"no security context":           func(c map[string]any) { delete(c, "securityContext") },
		"no limits":                     func(c map[string]any) { delete(object(c, "resources"), "limits") },
		"a claim of resources":          func(c map[string]any) { object(c, "resources")["claims"] = []any{map[string]string{"name": "gpu"}} },
		"no shadow over the token":      func(c map[string]any) { c["volumeMounts"] = c["volumeMounts"].([]any)[:1] },
		"a token":                       func(c map[string]any) { c["volumeMounts"].([]any)[1].(map[string]any)["name"] = "kube-api-access" },
		"no startup probe":              func(c map[string]any) { delete(c, "startupProbe") },
		"a lifecycle hook":              func(c map[string]any) { c["lifecycle"] = map[string]any{} },
		"a field that nobody knows yet": func(c map[string]any) { c["entangled"] = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := MakePod("web").Init("setup").RawInit(t, edited(t, edit)).Git()
			c, d := planned(t, pod)
			if d.Plan.Containers[0].Renew != 1 || d.Plan.Containers[0].First {
				t.Errorf("it is put at %+v", d.Plan.Containers[0])
			}
			if diff := cmp.Diff(edited(t, func(map[string]any) {}), string(mapped(t, c))); diff != "" {
				t.Errorf("container (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"pillion-git-poller"}, d.Plan.Renewed()); diff != "" {
				t.Errorf("renewed (-want +got):\n%s", diff)
			}
			if again := decide(patched(t, pod.Obj(), &d.Plan)); again.Result != reason.Unchanged {
				t.Errorf("a second review says %s: %s", again.Result, again.Message())
			}
		})
	}
}

// mapped is a container's JSON with its members in the order of their names.
func mapped(t *testing.T, c corev1.Container) []byte {
	t.Helper()
	var m map[string]any
	decode(t, encode(t, c), &m)
	return encode(t, m)
}

func TestAContainerWithoutItsJSONIsRenewed(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]json.RawMessage{"none": nil, "not an object": json.RawMessage(`[]`), "broken": json.RawMessage(`{`), "null": json.RawMessage(`null`)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := MakePod("web").Init("pillion-git-poller").EmptyDir("pillion-git-poller").Git().Change(func(p *pod.Pod) {
				p.Spec.InitContainers[0].Raw, p.Spec.Volumes[0].Raw = raw, raw
			})
			_, d := planned(t, pod)
			if diff := cmp.Diff([]string{"pillion-git-poller", "pillion-git-poller"}, d.Plan.Renewed()); diff != "" {
				t.Errorf("renewed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAMountOfOurVolumeIsRenewedIfItIsNotOurs(t *testing.T) {
	t.Parallel()
	propagation := "Bidirectional"
	for name, m := range map[string]pod.VolumeMount{
		"writable":             at("pillion-git-poller", "/srv/site"),
		"a part of it":         {Name: "pillion-git-poller", MountPath: "/srv/site", ReadOnly: true, SubPath: "a"},
		"a part by expression": {Name: "pillion-git-poller", MountPath: "/srv/site", ReadOnly: true, SubPathExpr: "a"},
		"with propagation":     {Name: "pillion-git-poller", MountPath: "/srv/site", ReadOnly: true, MountPropagation: &propagation},
		"with a slash behind":  {Name: "pillion-git-poller", MountPath: "/srv/site/", ReadOnly: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := MakePod("web").EmptyDir("data").Mount("web", at("data", "/data")).Mount("web", m).Git()
			_, d := planned(t, pod)
			want := []plan.Mount{{Mount: corev1.VolumeMount{Name: "pillion-git-poller", MountPath: "/srv/site", ReadOnly: true}, Renew: 1}}
			if diff := cmp.Diff(want, d.Plan.Mounts); diff != "" {
				t.Errorf("mounts (-want +got):\n%s", diff)
			}
			if again := decide(patched(t, pod.Obj(), &d.Plan)); again.Result != reason.Unchanged {
				t.Errorf("a second review says %s: %s", again.Result, again.Message())
			}
		})
	}
}

func TestWhatALimitRangeAddedIsKept(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(requests, limits map[string]any){
		"a request": func(requests, _ map[string]any) { requests["ephemeral-storage"] = "1Gi" },
		"a limit":   func(_, limits map[string]any) { limits["ephemeral-storage"] = "2Gi" },
		"both": func(requests, limits map[string]any) {
			requests["ephemeral-storage"], limits["ephemeral-storage"] = "1Gi", "1Gi"
		},
		"nothing after all": func(map[string]any, map[string]any) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := MakePod("web").Git()
			_, d := planned(t, pod)
			injected := patched(t, pod.Obj(), &d.Plan)
			injected.Spec.InitContainers[0].Raw = json.RawMessage(edited(t, func(c map[string]any) {
				r := c["resources"].(map[string]any)
				edit(r["requests"].(map[string]any), r["limits"].(map[string]any))
			}))
			if again := decide(injected); again.Result != reason.Unchanged {
				t.Errorf("a second review says %s and renews %v", again.Result, again.Plan.Renewed())
			}
		})
	}
}

func TestTheStatusRemembersWhatWasRenewed(t *testing.T) {
	t.Parallel()
	squatted := MakePod("web").
		RawInit(t, `{"name":"pillion-git-poller","image":"evil"}`).
		RawVolume(t, `{"name":"pillion-no-token","hostPath":{"path":"/"}}`).
		Git(StatusAnnotation, `{"renewed":["pillion-git-poller","pillion-auth-git-poller","web","pillion-x","`+strings.Repeat("y", 100)+`"]}`)
	renewed := func(p *pod.Pod) []string {
		var s Status
		decode(t, []byte(p.Metadata.Annotations[StatusAnnotation]), &s)
		return s.Renewed
	}
	_, d := planned(t, squatted)
	once := patched(t, squatted.Obj(), &d.Plan)
	want := []string{"pillion-git-poller", "pillion-no-token"} // sorted, once each, and only what the pod's helpers own
	if diff := cmp.Diff(want, renewed(once)); diff != "" {
		t.Errorf("renewed (-want +got):\n%s", diff)
	}
	again := decide(once)
	if again.Result != reason.Unchanged || !again.Plan.Empty() {
		t.Errorf("a second review says %s and plans %+v", again.Result, again.Plan.Annotations)
	}
	// Another webhook spoils the volume: the third review adds to what the second remembered.
	once.Spec.Volumes[1].Raw = json.RawMessage(`{"name":"pillion-git-poller","emptyDir":{}}`)
	third := decide(once)
	if diff := cmp.Diff(want, renewed(patched(t, once, &third.Plan))); diff != "" {
		t.Errorf("renewed after a third review (-want +got):\n%s", diff)
	}
}
