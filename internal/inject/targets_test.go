// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

func TestTheContainersOfTheAppTakePartUnlessSomeAreNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		want []string
	}{
		{"every container", MakePod("web", "api").Init("setup").Sidecar("proxy").Git(), []string{"web", "api"}},
		{"one container", MakePod("web", "api").Git(keyTargets, "api"), []string{"api"}},
		{"two, in the order in which they are named", MakePod("web", "api").Git(keyTargets, "api,web"), []string{"api", "web"}},
		{"a sidecar that is named", MakePod("web").Sidecar("proxy").Git(keyTargets, "proxy"), []string{"proxy"}},
		{"a sidecar that is named, of the date-writer", MakePod("web").Sidecar("proxy").Date("date-writer.pillion.dev/containers", "proxy,web"), []string{"proxy", "web"}},
		{"an init container behind a helper that is first", MakePod("web").Init("setup").Git(keyTargets, "setup,web", keyPosition, "first"), []string{"setup", "web"}},
		{"an init container behind a helper that is first and ends", MakePod("web").Init("setup").Git(keyTargets, "setup", keyPosition, "first", keyMode, "once"), []string{"setup"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pod := tt.pod.Obj()
			d := decide(pod)
			if d.Result != reason.Injected {
				t.Fatal(d.Message())
			}
			var mounted []string
			for _, m := range d.Plan.Mounts {
				list := pod.Spec.Containers
				if m.Container.Init {
					list = pod.Spec.InitContainers
				}
				mounted = append(mounted, list[m.Container.Index].Name)
			}
			if diff := cmp.Diff([][]string{tt.want, tt.want}, [][]string{d.Helpers[0].Containers, mounted}); diff != "" {
				t.Errorf("who takes part, who gets a mount (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAContainerThatCannotTakePartIsDenied(t *testing.T) {
	t.Parallel()
	const (
		unknown = "the pod has no container of this name; it has web"
		ended   = "this init container has ended before git-poller starts; set git-poller.pillion.dev/position to \"first\""
		helper  = "is a helper; only containers of the app can take part"
		date    = "date-writer.pillion.dev/containers"
	)
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		want []string
	}{
		{"a letter too few", MakePod("web", "worker").Git(keyTargets, "workr"), []string{wrong(keyTargets, "workr", unknown+` and worker; did you mean "worker"?`)}},
		{"a letter too few of an init container", MakePod("web").Init("migrate").Git(keyTargets, "migrat"), []string{wrong(keyTargets, "migrat", unknown+` and migrate; did you mean "migrate"?`)}},
		{"a name that is not near any", MakePod("web").Git(keyTargets, "frontend"), []string{wrong(keyTargets, "frontend", unknown)}},
		{"two names of three", MakePod("web").Git(keyTargets, "wbe,web,frontend"), []string{
			wrong(keyTargets, "wbe", unknown+`; did you mean "web"?`), wrong(keyTargets, "frontend", unknown),
		}},
		{"an init container before the helper", MakePod("web").Init("setup").Git(keyTargets, "setup"), []string{wrong(keyTargets, "setup", ended)}},
		{"an init container before the helper, which is last by name", MakePod("web").Init("setup").Git(keyTargets, "setup", keyPosition, "last"), []string{wrong(keyTargets, "setup", ended)}},
		{"an init container before a helper that has no position", MakePod("web").Init("setup").Date(date, "setup"), []string{
			wrong(date, "setup", "this init container has ended before date-writer starts; only containers that run beside it can take part"),
		}},
		{"an init container before an instance", MakePod("web").Init("setup").Annotate(
			"docs.git-poller.pillion.dev/repo", "https://github.com/a", "docs.git-poller.pillion.dev/mount-path", "/srv", "docs.git-poller.pillion.dev/containers", "setup",
		), []string{wrong("docs.git-poller.pillion.dev/containers", "setup", "this init container has ended before git-poller starts; set docs.git-poller.pillion.dev/position to \"first\"")}},
		{"a helper", MakePod("web").Init("pillion-date-writer").Git(keyTargets, "pillion-date-writer"), []string{wrong(keyTargets, "pillion-date-writer", helper)}},
		{"a name near a helper only", MakePod("web").Init("pillion-date-writer").Git(keyTargets, "pillion-date-writr"), []string{wrong(keyTargets, "pillion-date-writr", unknown)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := decide(tt.pod.Obj())
			if diff := cmp.Diff(tt.want, sentences(d)); diff != "" || d.Reason != reason.UnknownContainer {
				t.Errorf("problems, %s (-want +got):\n%s", d.Reason, diff)
			}
		})
	}
}

func TestAnInitContainerBehindTheHelperCanTakePartOnASecondLookAsWell(t *testing.T) {
	t.Parallel()
	// The helper is not first any more: another webhook has put its own before it.
	before := MakePod("web").Init("setup").Git(keyTargets, "setup", keyPosition, "first").Obj()
	first := decide(before)
	moved := patched(t, before, &first.Plan)
	moved.Spec.InitContainers = append([]pod.Container{{Name: "mesh-init"}}, moved.Spec.InitContainers...)
	if d := decide(moved); d.Result != reason.Unchanged {
		t.Errorf("%s: %s", d.Result, d.Message())
	}
	// An init container that now stands before it cannot.
	moved.Metadata.Annotations[keyTargets] = "mesh-init"
	want := wrong(keyTargets, "mesh-init", "this init container has ended before git-poller starts, which is in the pod behind it already")
	if d := decide(moved); d.Message() != want {
		t.Errorf("got  %s\nwant %s", d.Message(), want)
	}
}
