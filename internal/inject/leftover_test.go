// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// adding is testPolicy with a date-writer that every pod gets.
func adding(required bool) *Policy {
	p := testPolicy()
	a := &helper.Addition{Helper: builtin.Find("date-writer"), Instance: "page", Required: required, Values: map[string]option.Value{helper.MountPath: {Text: "/srv/page"}}}
	if required {
		p.Require = []*helper.Addition{a}
	} else {
		p.Inject = []*helper.Addition{a}
	}
	return p
}

// kubectl debug --copy-to keeps what is injected and drops the annotations that asked for it.
func TestACopyOfAnInjectedPodIsAdmitted(t *testing.T) {
	t.Parallel()
	command := func(p *pod.Pod) { p.Spec.Containers[0].Command = []string{"web"} }
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		edit func(p *pod.Pod) // of the copy
		want []string         // that is left over
	}{
		{"git-poller", MakePod("web").Git(keySecret, "s", "git-poller.pillion.dev/metrics-port", "9090", "git-poller.pillion.dev/metrics-address", "pod"), nil, []string{"pillion-git-poller"}},
		{"an init container of git-poller", MakePod("web").Git("git-poller.pillion.dev/mode", "once", "docs.git-poller.pillion.dev/repo", "https://github.com/acme/docs", "docs.git-poller.pillion.dev/mount-path", "/srv/docs"), nil, []string{"pillion-git-poller", "pillion-git-poller-docs"}},
		{"shared memory, which has no container", MakePod("web").Annotate(keyShm, "128Mi"), nil, []string{"pillion-ipc-shm"}},
		{"queues of two owners", MakePod("web").Annotate("ipc.pillion.dev/mqueue", "/a,/b?uid=1000"), nil, []string{"pillion-ipc-init", "pillion-ipc-init-1000"}},
		{"a command prefix", MakePod("web").Annotate(keyAfter, "web=tcp:localhost:1").Change(command), nil, []string{"pillion-install", "pillion-bin"}},
		{"a copy without init containers", MakePod("web").Git(), func(p *pod.Pod) { p.Spec.InitContainers = nil }, []string{"pillion-git-poller"}},
		{"a copy with another image for the app and a debug container", MakePod("web").Git(), func(p *pod.Pod) { p.Spec.Containers = append(p.Spec.Containers, pod.Container{Name: "debugger"}) }, []string{"pillion-git-poller"}},
	} {
		for _, required := range []bool{true, false} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				policy := adding(required)
				first := Injector{}.Decide(tt.pod.Obj(), policy, nil)
				copied := patched(t, tt.pod.Obj(), &first.Plan)
				copied.Metadata.Annotations = nil
				if tt.edit != nil {
					tt.edit(copied)
				}
				d := Injector{}.Decide(copied, policy, nil)
				if d.Result != reason.Injected {
					t.Fatalf("%s: %s", d.Result, d.Message())
				}
				for _, name := range tt.want {
					found := false
					for _, w := range d.Warnings {
						found = found || w == "pillion: "+name+" is left over from a pod that was copied; nothing asks for it"
					}
					if !found {
						t.Errorf("no warning of %s: %q", name, d.Warnings)
					}
				}
				if again := (Injector{}).Decide(patched(t, copied, &d.Plan), policy, nil); again.Result != reason.Unchanged {
					t.Errorf("a second review says %s: %s", again.Result, again.Message())
				}
			})
		}
	}
}

// What differs from what we write has no reserved name, whatever the pod requests.
func TestASquatterIsNoLeftOver(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(c map[string]any){
		"another image":            func(c map[string]any) { c["image"] = "evil" },
		"another tag":              func(c map[string]any) { c["image"] = "registry.example/pillion-helper:v0" },
		"another registry":         func(c map[string]any) { c["image"] = "mirror.example/pillion-helper:v1" },
		"another program":          func(c map[string]any) { c["command"] = []string{"/bin/sh"} },
		"an environment":           func(c map[string]any) { c["env"] = []any{map[string]any{"name": "A", "value": "b"}} },
		"root":                     func(c map[string]any) { c["securityContext"].(map[string]any)["runAsUser"] = 0 },
		"privileges":               func(c map[string]any) { c["securityContext"].(map[string]any)["privileged"] = true },
		"no shadow over the token": func(c map[string]any) { c["volumeMounts"] = c["volumeMounts"].([]any)[:1] },
		"a hook":                   func(c map[string]any) { c["lifecycle"] = map[string]any{} },
		"a probe of another program": func(c map[string]any) {
			c["startupProbe"] = map[string]any{"exec": map[string]any{"command": []string{"/bin/sh", "probe"}}}
		},
		"a probe over the network": func(c map[string]any) { c["startupProbe"] = map[string]any{"httpGet": map[string]any{"port": 80}} },
		"a port of the node": func(c map[string]any) {
			c["ports"] = []any{map[string]any{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}}
		},
		"a field that nobody knows":   func(c map[string]any) { c["entangled"] = true },
		"no arguments, and so no job": func(c map[string]any) { delete(c, "args") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Injector{}.Decide(MakePod("web").RawInit(t, edited(t, edit)).Obj(), adding(true), nil)
			if d.Result != reason.Denied || d.Reason != reason.ReservedName {
				t.Errorf("%s (%s): %s", d.Result, d.Reason, d.Message())
			}
		})
	}
}

// An app has a volume of ours where the plan mounts it, and how.
func TestAFurtherMountOfAVolumeOfOurs(t *testing.T) {
	t.Parallel()
	command := func(p *pod.Pod) {
		p.Spec.Containers[0].Command, p.Spec.Containers[1].Command = []string{"web"}, []string{"api"}
	}
	bidirectional := "Bidirectional"
	const (
		content  = `is the content of a helper, which an app can mount at a further path read-only; set readOnly: true`
		internal = `is a volume of a helper, which an app has where the helper mounts it; remove this mount`
		foreign  = `is not a volume that helpers share with an app; rename it: names that begin with "pillion-" are Pillion's own`
	)
	start := func() *PodBuilder { return MakePod("web", "api").Change(command).Annotate(keyAfter, "web=started:api") }
	for _, tt := range []struct {
		name  string
		pod   *PodBuilder
		mount pod.VolumeMount
		why   string
	}{
		{"content, writable", MakePod("web").Git(), at("pillion-git-poller", "/backup"), content},
		{"content, read-only", MakePod("web").Git(), readOnly("pillion-git-poller", "/backup"), ""},
		{"a part of the content, read-only", MakePod("web").Git(), pod.VolumeMount{Name: "pillion-git-poller", MountPath: "/b", ReadOnly: true, SubPath: "x"}, ""},
		{"content with propagation", MakePod("web").Git(), pod.VolumeMount{Name: "pillion-git-poller", MountPath: "/b", ReadOnly: true, MountPropagation: &bidirectional}, content},
		{"content that the app may write, writable", MakePod("web").Git("git-poller.pillion.dev/writable", "true"), at("pillion-git-poller", "/backup"), content},
		{"content of the date, writable", MakePod("web").Date(), at("pillion-date-writer", "/backup"), content},
		{"the directory of the program", start(), at("pillion-bin", "/x"), internal},
		{"the directory of the program, read-only", start(), readOnly("pillion-bin", "/x"), internal},
		{"the state of the start order", start(), at("pillion-run", "/x"), internal},
		{"shared memory", MakePod("web").Annotate(keyShm, "128Mi"), at("pillion-ipc-shm", "/x"), internal},
		{"the directory of sockets", MakePod("web").Annotate(keySocket, "/run/ipc"), readOnly("pillion-ipc-socket", "/x"), internal},
		{"the directory of pipes", MakePod("web").Annotate("ipc.pillion.dev/fifo", "/run/p/a"), at("pillion-ipc-fifo", "/x"), internal},
		{"the Secret", MakePod("web").Git(keySecret, "s"), readOnly("pillion-auth-git-poller", "/x"), foreign},
		{"the shadow of the token", MakePod("web").Git(), readOnly("pillion-no-token", "/x"), foreign},
	} {
		for _, in := range []string{"web", "setup"} {
			t.Run(tt.name+" in "+in, func(t *testing.T) {
				t.Parallel()
				// The first review sees the mount of the app; so does a later one.
				app := *tt.pod.Obj()
				app.Spec.Containers = copyContainers(app.Spec.Containers)
				app.Spec.InitContainers = []pod.Container{{Name: "setup"}}
				c, where := &app.Spec.Containers[0], "spec.containers[0]"
				if in == "setup" {
					c, where = &app.Spec.InitContainers[0], "spec.initContainers[0]"
				}
				c.VolumeMounts = append(c.VolumeMounts, tt.mount)
				d := decide(&app)
				var want []string
				if tt.why != "" {
					want = []string{where + `.volumeMounts[0].name: Invalid value: "` + tt.mount.Name + `": ` + tt.why}
				}
				if diff := cmp.Diff(want, sentences(d)); diff != "" {
					t.Errorf("problems (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// A volume that only bears our name is no left-over.
func TestAVolumeThatIsNoLeftOver(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{
		"a hostPath":                  `"hostPath":{"path":"/"}`,
		"a Secret":                    `"secret":{"secretName":"s"}`,
		"an emptyDir without a limit": `"emptyDir":{}`,
		"two sources":                 `"emptyDir":{"sizeLimit":"1Mi"},"hostPath":{"path":"/"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := MakePod("web").RawVolume(t, `{"name":"pillion-git-poller",`+source+`}`).Mount("web", readOnly("pillion-git-poller", "/x"))
			if d := (Injector{}).Decide(p.Obj(), adding(true), nil); d.Reason != reason.ReservedName {
				t.Errorf("%s (%s): %s", d.Result, d.Reason, d.Message())
			}
		})
	}
}
