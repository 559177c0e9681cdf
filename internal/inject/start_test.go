// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
)

const helperProgram = "/.pillion/bin/pillion-helper"

func TestAWaitStandsInFrontOfTheCommand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		annotations []string
		want        map[string][]string // of the containers that are wrapped: the words in front
	}{
		{
			"one condition",
			[]string{keyAfter, "web=mqueue:/a"},
			map[string][]string{"web": {"--wait=mqueue:/a", "--timeout=5m0s"}},
		},
		{
			"several, in the order in which they are given",
			[]string{keyAfter, "web=tcp:db:1,api=file:/$A,web=mqueue:/a", keyTimeout, "90s"},
			map[string][]string{"web": {"--wait=tcp:db:1", "--wait=mqueue:/a", "--timeout=1m30s"}, "api": {"--wait=file:/$$A", "--timeout=1m30s"}},
		},
		{"a umask alone", []string{keyUmask, "api=2"}, map[string][]string{"api": {"--umask=0002"}}},
		{
			"a container that another waits for",
			[]string{keyAfter, "web=started:api,web=exited:job", keyUmask, "web=0"},
			map[string][]string{
				"web": {"--wait=started:api", "--wait=exited:job", "--timeout=5m0s", "--umask=0000", "--name=web", "--state=/.pillion/run"},
				"api": {"--name=api", "--state=/.pillion/run"},
				"job": {"--name=job", "--state=/.pillion/run"},
			},
		},
		{
			"a chain",
			[]string{keyAfter, "web=started:api,api=exited:job"},
			map[string][]string{
				"web": {"--wait=started:api", "--timeout=5m0s", "--name=web", "--state=/.pillion/run"},
				"api": {"--wait=exited:job", "--timeout=5m0s", "--name=api", "--state=/.pillion/run"},
				"job": {"--name=job", "--state=/.pillion/run"},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := MakePod("web", "api", "job").Annotate(tt.annotations...).Change(commands).Obj()
			after, d := again(t, before)
			for i, c := range after.Spec.Containers {
				want := before.Spec.Containers[i].Command
				mounts := []string(nil)
				if words, wrapped := tt.want[c.Name]; wrapped {
					front := append([]string{helperProgram, "run"}, append(words, "--")...)
					want = append(front, want...)
					mounts = []string{"pillion-bin:/.pillion/bin"}
					if words[len(words)-1] == "--state=/.pillion/run" {
						mounts = append(mounts, "pillion-run:/.pillion/run")
					}
				}
				if diff := cmp.Diff(want, c.Command); diff != "" {
					t.Errorf("the command of %s (-want +got):\n%s", c.Name, diff)
				}
				if diff := cmp.Diff(mounts, mountsAt(&c)); diff != "" {
					t.Errorf("the mounts of %s (-want +got):\n%s", c.Name, diff)
				}
			}
			if len(d.Plan.Containers) != 1 || d.Plan.Containers[0].Container.Name != "pillion-install" {
				t.Errorf("planned %+v", d.Plan.Containers)
			}
		})
	}
}

func TestAWrapperIsKnownByItsForm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		command []string
		want    int // words in front
	}{
		{"a command of the app", []string{"/app", "run", "--", "x"}, 0},
		{"the program alone", []string{helperProgram}, 0},
		{"another verb", []string{helperProgram, "probe", "--", "x"}, 0},
		{"no end", []string{helperProgram, "run", "--wait=mqueue:/a"}, 0},
		{"nothing behind the end", []string{helperProgram, "run", "--wait=mqueue:/a", "--"}, 0},
		{"a word that is no flag", []string{helperProgram, "run", "x", "--", "y"}, 0},
		{"a wrapper", []string{helperProgram, "run", "--wait=mqueue:/a", "--", "x"}, 4},
		{"a wrapper without flags", []string{helperProgram, "run", "--", "x"}, 3},
		{"a wrapper of a command that has a -- itself", []string{helperProgram, "run", "--umask=0002", "--", "x", "--", "y"}, 4},
		{"a wrapper of what only looks like one", []string{helperProgram, "run", "--umask=0002", "--", helperProgram, "run", "--"}, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pod := MakePod("web").Annotate(keyAfter, "web=mqueue:/new").Obj()
			pod.Spec.Containers[0].Command = tt.command
			after, d := again(t, pod)
			want := append([]string{helperProgram, "run", "--wait=mqueue:/new", "--timeout=5m0s", "--"}, tt.command[tt.want:]...)
			if diff := cmp.Diff(want, after.Spec.Containers[0].Command); diff != "" {
				t.Errorf("the command (-want +got):\n%s", diff)
			}
			if len(d.Plan.Commands) != 1 || d.Plan.Commands[0].Renew != tt.want {
				t.Errorf("planned %+v", d.Plan.Commands)
			}
		})
	}
}

func TestAnOrderThatCannotBeIsDenied(t *testing.T) {
	t.Parallel()
	const waiting = "these containers wait for each other; remove one of the conditions"
	for _, tt := range []struct {
		after, value, why string
	}{
		{"web=started:web", "web after web", "a container cannot wait for itself; remove one of the conditions"},
		{"web=exited:web,api=started:web", "web after web", "a container cannot wait for itself; remove one of the conditions"},
		{"web=started:api,api=exited:web", "web after api after web", waiting},
		{"job=started:api,api=started:web,web=exited:job", "web after job after api after web", waiting},
		{"web=started:api,api=started:job,job=started:api", "api after job after api", waiting},
		{"web=started:db", "db", "the pod has no container of this name; it has web, api, job, bare, setup and cache"},
		{"wep=file:/a,wep=file:/b", "wep", `the pod has no container of this name; it has web, api, job, bare, setup and cache; did you mean "web"?`},
		{"setup=file:/a", "setup", "is an init container, which ends before any container of the app starts; only those can be ordered"},
		{"web=started:cache", "cache", "is a native sidecar, which starts before all containers of the app; only those can be ordered"},
		{"bare=file:/a", "bare", "the container has no command, and what its image starts is not known here; set spec.containers[3].command to the image's entrypoint"},
		{"web=exited:bare", "bare", "the container has no command, and what its image starts is not known here; set spec.containers[3].command to the image's entrypoint"},
	} {
		t.Run(tt.after, func(t *testing.T) {
			t.Parallel()
			p := MakePod("web", "api", "job").Init("setup").Sidecar("cache").Annotate(keyAfter, tt.after).Change(commands).Obj()
			p.Spec.Containers = append(p.Spec.Containers, pod.Container{Name: "bare"})
			if diff := cmp.Diff([]string{wrong(keyAfter, tt.value, tt.why)}, sentences(decide(p))); diff != "" {
				t.Errorf("sentences (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTwoWaysToOneContainerAreNoCycle(t *testing.T) {
	t.Parallel()
	again(t, MakePod("web", "api", "job", "db").Annotate(keyAfter, "web=started:api,web=started:job,api=started:db,job=started:db").Change(commands).Obj())
}

func TestTheFieldOfAMissingCommandIsThatOfTheTemplate(t *testing.T) {
	t.Parallel()
	d := Injector{}.Decide(MakePod("web").Annotate(keyUmask, "web=2").Obj(), testPolicy(), rootOf("spec", "template"))
	want := `spec.template.metadata.annotations[start.pillion.dev/umask]: Invalid value: "web": ` +
		`the container has no command, and what its image starts is not known here; set spec.template.spec.containers[0].command to the image's entrypoint`
	if d.Message() != want {
		t.Errorf("got  %s\nwant %s", d.Message(), want)
	}
}

func TestStartWarnsOfWhatWillNotWork(t *testing.T) {
	t.Parallel()
	probes := func(liveness, startup bool) func(p *pod.Pod) {
		return func(p *pod.Pod) {
			if c := &p.Spec.Containers[0]; liveness {
				c.LivenessProbe = &struct{}{}
			}
			if c := &p.Spec.Containers[0]; startup {
				c.StartupProbe = &pod.Probe{PeriodSeconds: 10, FailureThreshold: 30}
			}
		}
	}
	grants := func(probe *pod.Probe) func(p *pod.Pod) {
		return func(p *pod.Pod) { p.Spec.Containers[0].StartupProbe = probe }
	}
	hook := func(i int) func(p *pod.Pod) {
		return func(p *pod.Pod) { p.Spec.Containers[i].Lifecycle = &pod.Lifecycle{PostStart: &struct{}{}} }
	}
	hooked := "pillion: start: no container after web starts before its postStart hook ends; does it wait for one of them?"
	killed := "pillion: start: web may be killed while it waits: it has a liveness probe and no startup probe"
	long := strings.Repeat("x", 24)
	restarted := "pillion: start: api ends and is started again each time, since its restartPolicy is Always"
	policy := func(ofPod, container string) func(p *pod.Pod) {
		return func(p *pod.Pod) { p.Spec.RestartPolicy, p.Spec.Containers[1].RestartPolicy = ofPod, container }
	}
	for i, tt := range []struct {
		pod  *PodBuilder
		want []string
	}{
		{MakePod("web").Annotate(keyAfter, "web=file:/a").Change(probes(true, false)), []string{killed}},
		{MakePod("web").Annotate(keyAfter, "web=file:/a").Change(probes(true, true)), nil},
		{MakePod("web").Annotate(keyAfter, "web=file:/a").Change(probes(false, true)), nil},
		{MakePod("web").Annotate(keyUmask, "web=2").Change(probes(true, false)), nil},
		{MakePod("web", "api").Annotate(keyAfter, "web=exited:api"), []string{restarted}},
		{MakePod("web", "api").Annotate(keyAfter, "web=exited:api").Change(policy("Always", "")), []string{restarted}},
		{MakePod("web", "api").Annotate(keyAfter, "web=exited:api").Change(policy("Never", "Always")), []string{restarted}},
		{MakePod("web", "api").Annotate(keyAfter, "web=exited:api").Change(policy("Always", "Never")), nil},
		{MakePod("web", "api").Annotate(keyAfter, "web=exited:api").Change(policy("OnFailure", "")), nil},
		{MakePod("web", "api").Annotate(keyAfter, "web=started:api"), nil},
		{MakePod(long).Annotate(keyAfter, long+"=file:/a").Change(probes(true, false)), []string{strings.Replace(killed, "web", long, 1)}},
		{MakePod(long+"y").Annotate(keyAfter, long+"y=file:/a").Change(probes(true, false)), []string{strings.Replace(killed, "web", long+"…", 1)}},
		{MakePod("web").Annotate(keyAfter, "web=file:/a", keyTimeout, "1m"), nil},
		{MakePod("web").Annotate(keyAfter, "web=file:/a").Change(grants(&pod.Probe{})), []string{"pillion: start: web may wait for 5m, and its startup probe ends it after 30s"}},
		{MakePod("web").Annotate(keyAfter, "web=file:/a", keyTimeout, "30s").Change(grants(&pod.Probe{})), nil},
		{MakePod("web").Annotate(keyAfter, "web=file:/a").Change(grants(&pod.Probe{InitialDelaySeconds: 200, PeriodSeconds: 1, FailureThreshold: 100})), nil},
		{MakePod("web", "api").Annotate(keyAfter, "web=mqueue:/a").Change(hook(0)), []string{hooked}},
		{MakePod("web", "api").Annotate(keyAfter, "web=tcp:127.0.0.1:80").Change(hook(0)), []string{hooked}},
		{MakePod("web", "api").Annotate(keyAfter, "web=tcp:db.acme.example:80").Change(hook(0)), nil},
		{MakePod("web", "api").Annotate(keyAfter, "api=mqueue:/a").Change(hook(1)), nil},
		{MakePod("web", "api").Annotate(keyAfter, "api=started:web").Change(hook(1)), nil},
		{MakePod("web").Annotate(keyUmask, "web=2", keyTimeout, "1m"), []string{"pillion: start: timeout has no effect without after"}},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			_, d := again(t, tt.pod.Change(commands).Obj())
			if diff := cmp.Diff(tt.want, d.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStateIsSharedOnlyWhereAContainerWaitsForAnother(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string][]string{
		"file:/a":     {"pillion-bin", helper.NoTokenVolume},
		"started:api": {"pillion-bin", "pillion-run", helper.NoTokenVolume},
	} {
		t.Run(condition, func(t *testing.T) {
			t.Parallel()
			_, d := again(t, MakePod("web", "api").Annotate(keyAfter, "web="+condition).Change(commands).Obj())
			var planned []string
			for i := range d.Plan.Volumes {
				planned = append(planned, d.Plan.Volumes[i].Volume.Name)
			}
			if diff := cmp.Diff(want, planned); diff != "" {
				t.Errorf("volumes of the plan (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, d.Helpers[0].Volumes); diff != "" {
				t.Errorf("volumes of the status (-want +got):\n%s", diff)
			}
		})
	}
}
