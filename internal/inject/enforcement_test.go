// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// warning is a policy that only warns: of date-writer, of helpers on the node's network,
// of the class kata, of the period 10s and of more than two helpers or 4Gi.
func warning(t *testing.T) *Policy {
	t.Helper()
	p := withRule(t, testPolicy(), "git-poller", "period", rule.Spec{Min: text("30s")})
	withRule(t, p, "git-poller", "ref", rule.Spec{Allow: rule.Texts{"main", "v*"}})
	p.Warn, p.DeniedClasses = true, []string{"kata"}
	p.Limits = Limits{HelpersPerPod: 2, VolumeSize: resource.MustParse("4Gi")}
	p.Unlisted = map[string]*rule.Helper{"date-writer": p.Helpers["date-writer"]}
	delete(p.Helpers, "date-writer")
	return p
}

func TestAPolicyThatWarnsDeniesNothingOfItsOwn(t *testing.T) {
	t.Parallel()
	main := []string{keyRef, "main"}
	const docs = "docs.git-poller.pillion.dev/"
	kata := "kata"
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		want []reason.Reason // of the violations
	}{
		{"nothing is wrong", MakePod("web").Git(main...), nil},
		{"a value that is not allowed", MakePod("web").Git(append(main, "git-poller.pillion.dev/period", "10s")...), []reason.Reason{reason.ValueNotAllowed}},
		{"a default that is not allowed", MakePod("web").Git(), []reason.Reason{reason.ValueNotAllowed}},
		{"a helper that is not listed", MakePod("web").Date(), []reason.Reason{reason.HelperNotAllowed}},
		{"the node's network", MakePod("web").Git(main...).Change(func(p *pod.Pod) { p.Spec.HostNetwork = true }), []reason.Reason{reason.HostNetwork}},
		{"a class", MakePod("web").Git(main...).Change(func(p *pod.Pod) { p.Spec.RuntimeClassName = &kata }), []reason.Reason{reason.RuntimeClass}},
		{"too much disk", MakePod("web").Git(append(main, docs+"repo", "https://github.com/acme/docs.git", docs+"mount-path", "/srv/docs", docs+"ref", "v1")...), []reason.Reason{reason.LimitExceeded}},
		{"a sysctl that is not listed", MakePod("web").Annotate("ipc.pillion.dev/sysctls", "kernel.msgmax=65536"), []reason.Reason{reason.ValueNotAllowed}},
		{
			"all at once", MakePod("web").Git(docs+"repo", "https://github.com/acme/docs.git", docs+"mount-path", "/srv/docs").Date().Change(func(p *pod.Pod) { p.Spec.HostNetwork, p.Spec.RuntimeClassName = true, &kata }),
			[]reason.Reason{reason.HostNetwork, reason.RuntimeClass, reason.HelperNotAllowed, reason.ValueNotAllowed, reason.ValueNotAllowed, reason.LimitExceeded, reason.LimitExceeded},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			policy := warning(t)
			d := Injector{}.Decide(tt.pod.Obj(), policy, nil)
			var got []reason.Reason
			for _, p := range d.Violations {
				got = append(got, p.Reason)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || d.Result != reason.Injected || len(d.Helpers) == 0 {
				t.Fatalf("%s %s, violations (-want +got):\n%s", d.Result, d.Message(), diff)
			}
			if want := map[bool]reason.Reason{true: reason.Requested, false: reason.WouldBeDenied}[len(tt.want) == 0]; d.Reason != want {
				t.Errorf("the reason is %s, want %s", d.Reason, want)
			}
			// The same policy, if it denied: the same reasons, and nothing is injected.
			strict := warning(t)
			strict.Warn, strict.Unlisted = false, nil
			denied := Injector{}.Decide(tt.pod.Obj(), strict, nil)
			for _, p := range denied.Problems {
				if !slices.ContainsFunc(d.Violations, func(v reason.Problem) bool { return v.Reason == p.Reason && v.Field == p.Field }) {
					t.Errorf("the policy would deny, and does not say: %s", p.Error)
				}
			}
			if len(denied.Problems) == 0 != (len(tt.want) == 0) {
				t.Errorf("it warns of %v, and would deny %q", tt.want, denied.Message())
			}
			again := Injector{}.Decide(patched(t, tt.pod.Obj(), &d.Plan), policy, nil)
			if again.Result != reason.Unchanged || len(again.Violations) != len(d.Violations) {
				t.Errorf("a second review is %s with %d violations: %s", again.Result, len(again.Violations), again.Message())
			}
		})
	}
}

// The helper gets the value that the policy would have denied: what the pod asks for.
func TestAPolicyThatWarnsInjectsWhatIsAsked(t *testing.T) {
	t.Parallel()
	d := Injector{}.Decide(MakePod("web").Git("git-poller.pillion.dev/period", "10s", keyRef, "evil").Obj(), warning(t), nil)
	if len(d.Plan.Containers) != 1 {
		t.Fatalf("%s %s", d.Result, d.Message())
	}
	args := d.Plan.Containers[0].Container.Args
	for _, want := range []string{"--period=10s", "--ref=evil"} {
		if !slices.Contains(args, want) {
			t.Errorf("no %s in %q", want, args)
		}
	}
	byDefault := Injector{}.Decide(MakePod("web").Git().Obj(), warning(t), nil)
	if args := byDefault.Plan.Containers[0].Container.Args; !slices.Contains(args, "--ref=HEAD") {
		t.Errorf("the default that is not allowed is not in %q", args)
	}
}

func TestTheStatusSaysWhatWouldHaveBeenDenied(t *testing.T) {
	t.Parallel()
	d := Injector{}.Decide(MakePod("web").Git().Date("clock.date-writer.pillion.dev/mount-path", "/srv/clock").Obj(), warning(t), nil)
	var got Status
	for _, a := range d.Plan.Annotations {
		if a.Key == StatusAnnotation {
			if err := json.Unmarshal([]byte(a.Value), &got); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := "Injected WouldBeDenied [HelperNotAllowed LimitExceeded ValueNotAllowed]"
	if text := fmt.Sprint(got.Result, " ", got.Reason, " ", got.Violations); text != want {
		t.Errorf("the status says %s, want %s", text, want)
	}
}

func TestAPolicyThatWarnsDeniesWhatIsWrongInItself(t *testing.T) {
	t.Parallel()
	d := Injector{}.Decide(MakePod("web").Date("git-poller.pillion.dev/rep", "x", "git-poller.pillion.dev/period", "10").Obj(), warning(t), nil)
	var got []reason.Reason
	for _, p := range d.Problems {
		got = append(got, p.Reason)
	}
	if d.Result != reason.Denied || slices.ContainsFunc(got, reason.Reason.OfPolicy) || !slices.Contains(got, reason.UnknownAnnotation) || !slices.Contains(got, reason.InvalidValue) {
		t.Errorf("%s for %v", d.Result, got)
	}
	if len(d.Violations) == 0 || d.Violations[0].Reason != reason.HelperNotAllowed || !d.Plan.Empty() {
		t.Errorf("violations %v, plan %+v", d.Violations, d.Plan)
	}
}

func TestRuntimeClassesArePolicy(t *testing.T) {
	t.Parallel()
	in := func(class string) *PodBuilder {
		return MakePod("web").Annotate(keyQueues, "/a").Change(func(p *pod.Pod) { p.Spec.RuntimeClassName = &class })
	}
	policy := testPolicy()
	policy.GVisor, policy.DeniedClasses = []string{"sandboxed"}, []string{"kata"}
	const gvisor = `the pod runs in gVisor (spec.runtimeClassName sandboxed), which cannot send to or receive from POSIX queues; use sysv message queues or a socket`
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		want []string
	}{
		{"a class that nobody knows", in("other"), nil},
		{"a name that means gVisor elsewhere", in("gvisor"), nil},
		{"a class that is gVisor here", in("sandboxed"), []string{wrong(keyQueues, "/a?maxmsg=10&msgsize=8192&mode=0666", gvisor)}},
		{"a class that is denied", in("kata"), []string{`spec.runtimeClassName: Invalid value: "kata": policy "web" does not allow helpers in pods of this class (ipc); use another one, or remove the annotations`}},
		{"no class", MakePod("web").Git(), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, sentences(Injector{}.Decide(tt.pod.Obj(), policy, nil))); diff != "" {
				t.Errorf("sentences (-want +got):\n%s", diff)
			}
		})
	}
	class := "kata"
	silent := MakePod("web").Annotate(InjectAnnotation, "false").Change(func(p *pod.Pod) { p.Spec.RuntimeClassName = &class }).Obj()
	if d := (Injector{}).Decide(silent, policy, nil); d.Result != reason.Skipped {
		t.Errorf("a pod that asks for nothing is %s: %s", d.Result, d.Message())
	}
}
