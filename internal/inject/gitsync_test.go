// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// gitSyncUser is the one user that the image of git-sync knows.
const gitSyncUser int64 = 65533

// gitSyncPolicy is testPolicy with the engine git-sync, run by the user of its image.
func gitSyncPolicy() *Policy {
	p := runningAs(gitSyncUser, gitSyncUser)
	p.Name = "big"
	p.Helpers["git-poller"].Engine = "git-sync"
	return p
}

func decideGitSync(pod *pod.Pod) Decision { return Injector{}.Decide(pod, gitSyncPolicy(), nil) }

// flagsOf are the arguments of a decision's only container that begin with one of names.
func flagsOf(t *testing.T, d Decision, names ...string) []string {
	t.Helper()
	if len(d.Plan.Containers) != 1 {
		t.Fatalf("%d containers: %s", len(d.Plan.Containers), d.Message())
	}
	var flags []string
	for _, arg := range d.Plan.Containers[0].Container.Args {
		if name, _, _ := strings.Cut(arg, "="); slices.Contains(names, name) {
			flags = append(flags, arg)
		}
	}
	return flags
}

func TestGitSyncIsGivenAsMuchTimeAsThePodGivesIt(t *testing.T) {
	t.Parallel()
	const timeout, wanted = "git-poller.pillion.dev/wait-timeout", "git-poller.pillion.dev/wait"
	for _, tt := range []struct {
		name        string
		annotations []string
		want        []string
	}{
		{"nothing is said", nil, []string{"--sync-timeout=10m", "--init-max-failures=-1", "--max-failures=-1", "--one-time=false", "--period=1m"}},
		{"a shorter wait", []string{timeout, "30s"}, []string{"--sync-timeout=10m", "--init-max-failures=-1", "--max-failures=-1", "--one-time=false", "--period=1m"}},
		{"a longer wait", []string{timeout, "90m"}, []string{"--sync-timeout=1h30m", "--init-max-failures=-1", "--max-failures=-1", "--one-time=false", "--period=1m"}},
		{"a longer wait for nobody", []string{timeout, "90m", wanted, "false"}, []string{"--sync-timeout=10m", "--init-max-failures=-1", "--max-failures=-1", "--one-time=false", "--period=1m"}},
		{"once", []string{keyMode, "once"}, []string{"--sync-timeout=10m", "--init-max-failures=120", "--max-failures=120", "--one-time=true"}},
		{"once, and soon", []string{keyMode, "once", timeout, "12s"}, []string{"--sync-timeout=12s", "--init-max-failures=2", "--max-failures=2", "--one-time=true"}},
		{"once, and at once", []string{keyMode, "once", timeout, "1s"}, []string{"--sync-timeout=1s", "--init-max-failures=1", "--max-failures=1", "--one-time=true"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := decideGitSync(MakePod("web").Git(tt.annotations...).Obj())
			got := flagsOf(t, d, "--sync-timeout", "--init-max-failures", "--max-failures", "--one-time", "--period")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
			once := d.Plan.Containers[0].Container.RestartPolicy == nil
			if probe := d.Plan.Containers[0].Container.StartupProbe; (probe != nil) != (!once && !slices.Contains(tt.annotations, "false")) {
				t.Errorf("the startup probe is %v", probe)
			}
		})
	}
}

func TestWhatGitSyncCannotDoIsDenied(t *testing.T) {
	t.Parallel()
	const (
		subdir   = "git-poller.pillion.dev/subdir"
		writable = "git-poller.pillion.dev/writable"
		ssh      = "ssh://git@git.example/site.git"
		says     = `policy "big" has the engine git-sync for git-poller, `
	)
	noUser := wrong(keyRepo, ssh, says+"and its ssh works for user 65533 only, not for the one that the policy has for it; use an https URL, or ask for runAsUser: 65533 in the policy")
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		user int64
		want []string
	}{
		{"nothing is wrong", MakePod("web").Git(writable, "false"), gitSyncUser, nil},
		{"a directory", MakePod("web").Git(subdir, "public/html"), gitSyncUser, []string{
			wrong(subdir, "public/html", says+"which publishes whole repositories; remove it and read the directory at /srv/site/current/public/html"),
		}},
		{"an app that writes", MakePod("web").Git(writable, "true"), gitSyncUser, []string{
			wrong(writable, "true", says+"whose own files an app could then change, and so what runs beside its credentials; remove it"),
		}},
		{"an emptyDir of the app", MakePod("web").Git().EmptyDir("html").Mount("web", pod.VolumeMount{Name: "html", MountPath: "/srv/site"}), gitSyncUser, []string{
			wrong(keyMountPath, "/srv/site", `container "web" mounts the volume "html" there already; remove one of the two: the engine git-sync needs a volume that no app can write to`),
		}},
		{"ssh as the image's user", MakePod("web").Git(keyRepo, ssh, keySecret, "key"), gitSyncUser, nil},
		{"ssh as another user", MakePod("web").Git(keyRepo, ssh, keySecret, "key"), 1000, []string{noUser}},
		{"ssh as the namespace's user", MakePod("web").Git(keyRepo, ssh, keySecret, "key"), 0, []string{noUser}},
		{"https as the namespace's user", MakePod("web").Git(keySecret, "key"), 0, nil},
	} {
		for _, warns := range []bool{false, true} { // there is nothing sensible to inject
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				p := runningAs(tt.user, tt.user)
				p.Name, p.Warn, p.Helpers["git-poller"].Engine = "big", warns, "git-sync"
				d := Injector{}.Decide(tt.pod.Obj(), p, nil)
				if diff := cmp.Diff(tt.want, sentences(d)); diff != "" {
					t.Errorf("sentences (-want +got):\n%s", diff)
				}
				if denied := d.Result == reason.Denied; denied != (tt.want != nil) {
					t.Errorf("the result is %s", d.Result)
				}
			})
		}
	}
}

func TestGitSpeaksTheProtocolOfTheURLOnly(t *testing.T) {
	t.Parallel()
	const before = "--git-config=core.hooksPath:/dev/null,core.symlinks:false,http.followRedirects:false,http.lowSpeedLimit:1,http.lowSpeedTime:60,pack.threads:1,protocol.allow:never,"
	for name, tt := range map[string]struct {
		annotations []string
		want        string
	}{
		"https":              {nil, "protocol.https.allow:always"},
		"https of one's own": {[]string{"git-poller.pillion.dev/ca-configmap", "ca"}, "protocol.https.allow:always,http.sslCAInfo:/pillion/ca/ca.crt"},
		"http":               {[]string{keyRepo, "http://git.example/site.git"}, "protocol.http.allow:always"},
		"ssh":                {[]string{keyRepo, "ssh://git@git.example/site.git", keySecret, "key"}, "protocol.ssh.allow:always"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := decideGitSync(MakePod("web").Git(tt.annotations...).Obj())
			if diff := cmp.Diff([]string{before + tt.want}, flagsOf(t, d, "--git-config")); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
		})
	}
}

// Two of them with one home would have one cache of credentials, which goes by host.
func TestInstancesOfGitSyncShareNoDirectory(t *testing.T) {
	t.Parallel()
	d := decideGitSync(MakePod("web").Git().Annotate(
		"docs."+keyRepo, "https://github.com/acme/docs.git", "docs."+keyMountPath, "/srv/docs",
	).Obj())
	seen := map[string]string{}
	for i := range d.Plan.Containers {
		c := &d.Plan.Containers[i].Container
		for _, m := range c.VolumeMounts {
			if m.ReadOnly {
				continue
			}
			if other := seen[m.Name]; other != "" {
				t.Errorf("%s and %s both write to %s", other, c.Name, m.Name)
			}
			seen[m.Name] = c.Name
		}
	}
	if len(seen) != 4 {
		t.Errorf("what can be written is %v, want a directory for content and one for configuration each", seen)
	}
	want := []string{
		"pillion: git-poller-docs: the engine is git-sync, so the content is at /srv/docs/current",
		"pillion: git-poller: the engine is git-sync, so the content is at /srv/site/current",
	}
	slices.Sort(d.Warnings)
	if diff := cmp.Diff(want, d.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestOptionsWithoutEffectAreToldForEveryEngine(t *testing.T) {
	t.Parallel()
	d := decideGitSync(MakePod("web").Git(keyMode, "once", "git-poller.pillion.dev/period", "5s").Obj())
	if want := "pillion: git-poller: period has no effect with mode once"; !slices.Contains(d.Warnings, want) {
		t.Errorf("the warnings are %q, want %q among them", d.Warnings, want)
	}
}

func TestEveryOptionOfAnEngineIsExplained(t *testing.T) {
	t.Parallel()
	for _, h := range builtin.All() {
		for i := range h.Options {
			o := &h.Options[i]
			if o.WithGitSync != "" && (h.Engine("git-sync") == nil || !strings.HasSuffix(o.WithGitSync, ".")) {
				t.Errorf("%s of %s says %q", o.Name, h.Name, o.WithGitSync)
			}
		}
		if names := h.EngineNames(); names[0] != helper.OwnEngine || slices.Contains(names, "other") || h.Engine("other") != nil {
			t.Errorf("%s has the engines %v", h.Name, names)
		}
	}
}

func TestWhereGitSyncStandsAndWhatItIsGiven(t *testing.T) {
	t.Parallel()
	const ssh = "ssh://git@git.example/site.git"
	for _, tt := range []struct {
		name        string
		annotations []string
		first       bool  // among the init containers
		probes      int32 // failures until the startup probe gives up; 0 for no probe
		keys        []string
	}{
		{"by default: behind the others, with ten minutes", nil, false, 600, nil},
		{"in front", []string{keyPosition, "first"}, true, 600, nil},
		{"a wait of a minute", []string{"git-poller.pillion.dev/wait-timeout", "1m"}, false, 60, nil},
		{"once", []string{keyMode, "once"}, false, 0, nil},
		{"a password", []string{keySecret, "key"}, false, 600, []string{"password"}},
		{"a key", []string{keyRepo, ssh, keySecret, "key"}, false, 600, []string{"ssh-privatekey", "known_hosts"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := decideGitSync(MakePod("web").Init("before").Git(tt.annotations...).Obj())
			if len(d.Plan.Containers) != 1 {
				t.Fatalf("%d containers: %s", len(d.Plan.Containers), d.Message())
			}
			c := d.Plan.Containers[0]
			if c.First != tt.first {
				t.Errorf("first: %v, want %v", c.First, tt.first)
			}
			var probes int32
			if p := c.Container.StartupProbe; p != nil {
				probes = p.FailureThreshold * p.PeriodSeconds
			}
			if probes != tt.probes {
				t.Errorf("the startup probe gives up after %d s, want %d", probes, tt.probes)
			}
			var keys []string
			for _, v := range d.Plan.Volumes {
				if v.Volume.Secret != nil {
					for _, item := range v.Volume.Secret.Items {
						keys = append(keys, item.Key)
					}
				}
			}
			if !slices.Equal(keys, tt.keys) {
				t.Errorf("keys of the Secret %v, want %v", keys, tt.keys)
			}
		})
	}
}
