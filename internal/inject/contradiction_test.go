// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

func TestOptionsThatExcludeEachOtherAreDenied(t *testing.T) {
	t.Parallel()
	const (
		auth   = "git-poller.pillion.dev/auth"
		ca     = "git-poller.pillion.dev/ca-configmap"
		wanted = "git-poller.pillion.dev/wait"
		ssh    = "ssh://git@github.com/acme/site.git"
		http   = "http://git.example/acme/site.git"
		https  = "https://github.com/acme/site.git"
	)
	sshKey := "metadata.annotations[" + keySecret + "]: Required value: ssh needs a key: name a Secret of type kubernetes.io/ssh-auth that also has the key known_hosts"
	for _, tt := range []struct {
		name        string
		annotations []string
		want        []string
		reason      reason.Reason
	}{
		{"https without a Secret", []string{keyRepo, https}, nil, ""},
		{"https with a Secret", []string{keyRepo, https, keySecret, "s"}, nil, ""},
		{"https with a Secret and basic", []string{keyRepo, https, keySecret, "s", auth, "basic"}, nil, ""},
		{"https with its own authorities", []string{keyRepo, https, ca, "c"}, nil, ""},
		{"http without a Secret", []string{keyRepo, http}, nil, ""},
		{"ssh with a Secret", []string{keyRepo, ssh, keySecret, "s"}, nil, ""},
		{"ssh with a Secret and ssh", []string{keyRepo, ssh, keySecret, "s", auth, "ssh"}, nil, ""},
		{"once and wait", []string{keyMode, "once", wanted, "true"}, nil, ""},
		{"poll and no wait", []string{keyMode, "poll", wanted, "false"}, nil, ""},

		{"https and the auth of ssh", []string{keyRepo, https, keySecret, "s", auth, "ssh"}, []string{
			wrong(auth, "ssh", `an https URL is used with "basic" or "github-app"; change the URL, or leave auth out`),
		}, reason.Contradiction},
		{"ssh and the auth of https", []string{keyRepo, ssh, keySecret, "s", auth, "basic"}, []string{
			wrong(auth, "basic", `an ssh URL is used with "ssh"; change the URL, or leave auth out`),
		}, reason.Contradiction},
		{"http and the auth of ssh", []string{keyRepo, http, auth, "ssh"}, []string{
			wrong(auth, "ssh", `an http URL is used with "basic"; change the URL, or leave auth out`),
		}, reason.Contradiction},
		{"auth without a Secret", []string{keyRepo, https, auth, "basic"}, []string{
			wrong(auth, "basic", "needs a Secret: set "+keySecret),
		}, reason.Contradiction},
		{"ssh without a Secret", []string{keyRepo, ssh}, []string{sshKey}, reason.MissingOption},
		{"http and a Secret", []string{keyRepo, http, keySecret, "s"}, []string{
			wrong(keySecret, "s", "would be sent in clear text over http; use an https URL"),
		}, reason.Contradiction},
		{"http and a Secret and its auth", []string{keyRepo, http, keySecret, "s", auth, "basic"}, []string{
			wrong(keySecret, "s", "would be sent in clear text over http; use an https URL"),
		}, reason.Contradiction},
		{"ssh and authorities", []string{keyRepo, ssh, keySecret, "s", ca, "c"}, []string{
			wrong(ca, "c", "has a meaning for https URLs only; remove it"),
		}, reason.Contradiction},
		{"http and authorities", []string{keyRepo, http, ca, "c"}, []string{
			wrong(ca, "c", "has a meaning for https URLs only; remove it"),
		}, reason.Contradiction},
		{"once and no wait", []string{keyMode, "once", wanted, "false"}, []string{
			wrong(wanted, "false", "mode once always ends before the app starts; remove wait, or use mode poll"),
		}, reason.Contradiction},
		{"all of it at once", []string{keyRepo, ssh, ca, "c", keyMode, "once", wanted, "false"}, []string{
			sshKey,
			wrong(ca, "c", "has a meaning for https URLs only; remove it"),
			wrong(wanted, "false", "mode once always ends before the app starts; remove wait, or use mode poll"),
		}, reason.MissingOption},
		{"a repository that does not parse leaves nothing to agree with", []string{keyRepo, "x", auth, "ssh", ca, "c"}, []string{
			wrong(keyRepo, "x", "must be a URL, such as https://github.com/acme/site.git; a local path cannot be polled"),
		}, reason.InvalidValue},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := decide(MakePod("web").Git(tt.annotations...).Obj())
			if diff := cmp.Diff(tt.want, sentences(d)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if d.Result == reason.Denied && d.Reason != tt.reason {
				t.Errorf("the reason is %s, want %s", d.Reason, tt.reason)
			}
		})
	}
}

func TestAnInstanceIsToldAboutItsOwnAnnotations(t *testing.T) {
	t.Parallel()
	d := decide(MakePod("web").Annotate(
		"docs.git-poller.pillion.dev/repo", "https://github.com/acme/docs",
		"docs.git-poller.pillion.dev/mount-path", "/srv/docs",
		"docs.git-poller.pillion.dev/auth", "basic",
	).Obj())
	want := wrong("docs.git-poller.pillion.dev/auth", "basic", "needs a Secret: set docs.git-poller.pillion.dev/secret")
	if d.Message() != want {
		t.Errorf("got  %s\nwant %s", d.Message(), want)
	}
}

func TestWhatAPolicySetsIsNoContradictionOfThePod(t *testing.T) {
	t.Parallel()
	policy := withRule(t, testPolicy(), "git-poller", "wait", rule.Spec{Fixed: text("false")})
	if d := (Injector{}).Decide(MakePod("web").Git(keyMode, "once").Obj(), policy, nil); d.Result != reason.Injected {
		t.Errorf("a policy without waiting denies the mode once: %s", d.Message())
	}
}

func TestFiveMistakesOfAPodGiveFiveSentencesInOneAnswer(t *testing.T) {
	t.Parallel()
	pod := MakePod("web").Annotate(
		"git-poller.pillion.dev/repo", "http://user:hunter2@git.example/site",
		"git-poller.pillion.dev/mount-path", "/proc/nginx",
		"git-poller.pillion.dev/period", "60",
		"git-poller.pillion.dev/sub-dir", "public",
		"date-writer.pillion.dev/mount-path", "/srv/date",
		"date-writer.pillion.dev/file", "../index.html",
	).Obj()
	policy := testPolicy()
	d := Injector{}.Decide(pod, policy, nil)
	want := strings.Join([]string{
		"5 problems with what this pod asks of Pillion:",
		`  1. metadata.annotations[date-writer.pillion.dev/file]: Invalid value: "../index.html": must be a file name without directories; the directory is the option mount-path`,
		`  2. metadata.annotations[git-poller.pillion.dev/mount-path]: Invalid value: "/proc/nginx": lies in /proc, where a mount can break or undermine the container; choose another directory, such as /srv/site`,
		`  3. metadata.annotations[git-poller.pillion.dev/period]: Invalid value: "60": has no unit; write "60s" for seconds`,
		`  4. metadata.annotations[git-poller.pillion.dev/repo]: Invalid value: "http://…@git.example/site": must not contain credentials (what stands before the @): name a Secret in the option secret instead`,
		`  5. metadata.annotations[git-poller.pillion.dev/sub-dir]: Forbidden: git-poller has no option "sub-dir"; did you mean "git-poller.pillion.dev/subdir"?`,
	}, "\n")
	if diff := cmp.Diff(want, d.Message()); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	if d.Result != reason.Denied || d.Reason != reason.InvalidValue || !d.Plan.Empty() || d.Helpers != nil {
		t.Errorf("the decision is %+v", d)
	}
}

func TestAProblemInATemplateSaysWhereTheTemplateIs(t *testing.T) {
	t.Parallel()
	root := rootOf("spec", "template")
	pod := MakePod("web").Git(keyRef, "-x", keyTargets, "wbe").Change(func(p *pod.Pod) { p.Spec.HostNetwork = true }).Obj()
	got := sentences(Injector{}.Decide(pod, testPolicy(), root))
	want := []string{
		`spec.template.metadata.annotations[git-poller.pillion.dev/ref]: Invalid value: "-x": must not begin with '-'`,
		`spec.template.spec.hostNetwork: Forbidden: policy "web" does not allow helpers in pods that use the node's network (git-poller); remove hostNetwork or the annotations`,
		`spec.template.metadata.annotations[git-poller.pillion.dev/containers]: Invalid value: "wbe": the pod has no container of this name; it has web; did you mean "web"?`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestADecisionWithoutProblemsHasNoMessage(t *testing.T) {
	t.Parallel()
	if got := decide(MakePod("web").Git().Obj()).Message(); got != "" {
		t.Errorf("got %q", got)
	}
}

// A person corrects what is said and tries again, so all of it has to be said at once.
func TestAllMistakesAreSaidAtOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		want []string
	}{
		{"a value that is none and an unknown container", MakePod("web").Git(keyTargets, "wbe", "git-poller.pillion.dev/wait", "yes"), []string{
			`metadata.annotations[git-poller.pillion.dev/wait]: Invalid value: "yes": must be "true" or "false"`,
			`metadata.annotations[git-poller.pillion.dev/containers]: Invalid value: "wbe": the pod has no container of this name; it has web; did you mean "web"?`,
		}},
		{"a required value that is missing and an unknown container", MakePod("web").Annotate(keyMountPath, "/srv", keyTargets, "wbe"), []string{
			`metadata.annotations[git-poller.pillion.dev/repo]: Required value: git-poller needs it, such as "https://github.com/acme/site.git"`,
			`metadata.annotations[git-poller.pillion.dev/containers]: Invalid value: "wbe": the pod has no container of this name; it has web; did you mean "web"?`,
		}},
		{"a path that is none brings no second sentence about it", MakePod("web").Git(keyMountPath, "srv"), []string{
			`metadata.annotations[git-poller.pillion.dev/mount-path]: Invalid value: "srv": must be an absolute path, such as /usr/share/nginx/html`,
		}},
		{"a time-out that is none and an order that cannot be", MakePod("web").Annotate("start.pillion.dev/after", "wbe=file:/a", "start.pillion.dev/timeout", "5"), []string{
			`metadata.annotations[start.pillion.dev/timeout]: Invalid value: "5": has no unit; write "5s" for seconds`,
			`metadata.annotations[start.pillion.dev/after]: Invalid value: "wbe": the pod has no container of this name; it has web; did you mean "web"?`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, sentences(decide(tt.pod.Obj()))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
