// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// planned is the helper container of a pod that asks for one.
func planned(t *testing.T, pod *PodBuilder) (corev1.Container, Decision) {
	t.Helper()
	d := decide(pod.Obj())
	if d.Result != reason.Injected || len(d.Plan.Containers) != 1 {
		t.Fatalf("%s with %d containers: %s", d.Result, len(d.Plan.Containers), d.Message())
	}
	return d.Plan.Containers[0].Container, d
}

// TestAHelperIsExactlyThis holds all of one helper's container (research: T12, T13,
// T14, T28): whatever is added to it, this test wants to know.
func TestAHelperIsExactlyThis(t *testing.T) {
	t.Parallel()
	got, _ := planned(t, MakePod("web").Git(keySecret, "site-credentials"))
	want := corev1.Container{
		Name:    "pillion-git-poller",
		Image:   "registry.example/pillion-helper:v1",
		Command: []string{"/pillion-helper"},
		Args: []string{
			"git-poller", "--root=/pillion/content", "--max-size=819Mi", "--repo=https://github.com/acme/site.git", "--ref=HEAD", "--depth=1",
			"--auth=basic", "--auth-dir=/pillion/auth", "--redirect=https://github.com/*", "--period=1m",
		},
		ImagePullPolicy: corev1.PullIfNotPresent,
		RestartPolicy:   new(corev1.ContainerRestartPolicyAlways),
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("8Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("256Mi")},
		},
		SecurityContext: &corev1.SecurityContext{ // what Pod Security "restricted" wants, and more
			AllowPrivilegeEscalation: new(false),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			ReadOnlyRootFilesystem:   new(true),
			RunAsGroup:               new(int64(65532)),
			RunAsNonRoot:             new(true),
			RunAsUser:                new(int64(65532)),
			SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		StartupProbe: &corev1.Probe{
			ProbeHandler:     corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/pillion-helper", "probe", "--content=/pillion/content"}}},
			TimeoutSeconds:   5,
			PeriodSeconds:    1,
			SuccessThreshold: 1,
			FailureThreshold: 600,
		},
		VolumeMounts: []corev1.VolumeMount{
			{Name: "pillion-git-poller", MountPath: "/pillion/content"},
			{Name: "pillion-auth-git-poller", MountPath: "/pillion/auth", ReadOnly: true},
			{Name: "pillion-no-token", MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true},
		},
		TerminationMessagePath:   "/dev/termination-log",
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("container (-want +got):\n%s", diff)
	}
}

func TestAHelperGetsOneArgumentForEachValue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		args string
	}{
		{"git-poller with everything", MakePod("web").Git(
			keyRepo, "https://GitHub.com:443/acme/site/", keyRef, "release/1.2", "git-poller.pillion.dev/subdir", "docs/my site",
			"git-poller.pillion.dev/period", "90s", "git-poller.pillion.dev/depth", "+5", keySecret, "s", "git-poller.pillion.dev/ca-configmap", "c",
		), "git-poller|--root=/pillion/content|--max-size=819Mi|--repo=https://github.com/acme/site|--ref=release/1.2|--depth=5|--subdir=docs/my site|--auth=basic|--auth-dir=/pillion/auth|--ca-file=/pillion/ca/ca.crt|--redirect=https://github.com/*|--period=1m30s"},
		{
			"git-poller over ssh", MakePod("web").Git(keyRepo, "ssh://git@github.com:22/acme/site", keySecret, "s"),
			"git-poller|--root=/pillion/content|--max-size=819Mi|--repo=ssh://git@github.com/acme/site|--ref=HEAD|--depth=1|--auth=ssh|--auth-dir=/pillion/auth|--period=1m",
		},
		{
			"git-poller once", MakePod("web").Git(keyMode, "once", "git-poller.pillion.dev/wait-timeout", "90s"),
			"git-poller|--root=/pillion/content|--max-size=819Mi|--repo=https://github.com/acme/site.git|--ref=HEAD|--depth=1|--once|--timeout=1m30s",
		},
		{
			"date-writer with what it has by default", MakePod("web").Date(),
			"date-writer|--file=/pillion/content/index.html|--interval=1s|--mode=append|--format=unix-date|--timezone=UTC|--max-size=1Mi",
		},
		{"date-writer with everything", MakePod("web").Date(
			"date-writer.pillion.dev/file", "my date", "date-writer.pillion.dev/interval", "1000ms", "date-writer.pillion.dev/mode", "replace",
			"date-writer.pillion.dev/format", "rfc3339", "date-writer.pillion.dev/timezone", "Europe/Berlin", "date-writer.pillion.dev/max-size", "1024Ki",
		), "date-writer|--file=/pillion/content/my date|--interval=1s|--mode=replace|--format=rfc3339|--timezone=Europe/Berlin|--max-size=1Mi"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, _ := planned(t, tt.pod)
			if diff := cmp.Diff(strings.Split(tt.args, "|"), c.Args); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAHelperStartsAsItsModeSays(t *testing.T) {
	t.Parallel()
	const timeout = "git-poller.pillion.dev/wait-timeout"
	for _, tt := range []struct {
		name     string
		pod      *PodBuilder
		sidecar  bool
		failures int32 // of the startup probe; 0 is no probe
	}{
		{"git-poller polls and is waited for", MakePod("web").Git(), true, 600},
		{"git-poller is waited for as long as the pod says", MakePod("web").Git(timeout, "2m30s"), true, 150},
		{"git-poller is waited for a second at least", MakePod("web").Git(timeout, "1s"), true, 1},
		{"git-poller is waited for a day at most", MakePod("web").Git(timeout, "24h"), true, 86400},
		{"git-poller polls and is not waited for", MakePod("web").Git("git-poller.pillion.dev/wait", "false"), true, 0},
		{"git-poller runs once", MakePod("web").Git(keyMode, "once"), false, 0},
		{"date-writer is waited for", MakePod("web").Date(), true, 60},
		{"date-writer is not waited for", MakePod("web").Date("date-writer.pillion.dev/wait", "false"), true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, _ := planned(t, tt.pod)
			var failures int32
			if c.StartupProbe != nil {
				failures = c.StartupProbe.FailureThreshold * c.StartupProbe.PeriodSeconds
			}
			if sidecar := c.RestartPolicy != nil; sidecar != tt.sidecar || failures != tt.failures {
				t.Errorf("a sidecar %t that is waited for %d s; want %t, %d", sidecar, failures, tt.sidecar, tt.failures)
			}
			if c.LivenessProbe != nil || c.ReadinessProbe != nil || c.Lifecycle != nil || len(c.Ports) > 0 {
				t.Errorf("it has more than a startup probe: %+v", c)
			}
		})
	}
}

func TestTheVolumesOfAHelperAreExactlyThese(t *testing.T) {
	t.Parallel()
	d := decide(MakePod("web").Git(keyRepo, "ssh://git@github.com/a", keySecret, "key").Annotate(
		"docs.git-poller.pillion.dev/repo", "https://github.com/acme/docs", "docs.git-poller.pillion.dev/mount-path", "/srv/docs",
		"docs.git-poller.pillion.dev/secret", "token", "docs.git-poller.pillion.dev/ca-configmap", "acme-ca",
	).Date("date-writer.pillion.dev/max-size", "8Mi").Obj())
	mode, required := new(int32(0o444)), new(false)
	limit := func(size string) *corev1.EmptyDirVolumeSource {
		return &corev1.EmptyDirVolumeSource{SizeLimit: new(resource.MustParse(size))}
	}
	volume := func(name string, source corev1.VolumeSource) plan.Volume {
		return plan.Volume{Volume: corev1.Volume{Name: name, VolumeSource: source}, Renew: plan.Insert}
	}
	want := []plan.Volume{
		volume("pillion-date-writer", corev1.VolumeSource{EmptyDir: limit("20Mi")}), // twice max-size, and room
		volume("pillion-no-token", corev1.VolumeSource{EmptyDir: limit("1Mi")}),
		volume("pillion-git-poller", corev1.VolumeSource{EmptyDir: limit("4Gi")}),
		volume("pillion-auth-git-poller", corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: "key", DefaultMode: mode, Optional: required,
			Items: []corev1.KeyToPath{{Key: "ssh-privatekey", Path: "ssh-privatekey"}, {Key: "known_hosts", Path: "known_hosts"}},
		}}),
		volume("pillion-git-poller-docs", corev1.VolumeSource{EmptyDir: limit("4Gi")}),
		volume("pillion-auth-git-poller-docs", corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: "token", DefaultMode: mode, Optional: required,
		}}),
		volume("pillion-ca-git-poller-docs", corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "acme-ca"}, DefaultMode: mode, Optional: required,
			Items: []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}},
		}}),
	}
	if diff := cmp.Diff(want, d.Plan.Volumes); diff != "" {
		t.Errorf("volumes, %s (-want +got):\n%s", d.Message(), diff)
	}
}

// What only the helper may see is in no container of the app (research: T19).
func TestASecretIsMountedIntoItsHelperOnly(t *testing.T) {
	t.Parallel()
	_, d := planned(t, MakePod("web", "api").Init("setup").Git(keySecret, "s", "git-poller.pillion.dev/ca-configmap", "c"))
	for _, m := range d.Plan.Mounts {
		if m.Mount.Name != "pillion-git-poller" || m.Mount.MountPath != "/srv/site" || !m.Mount.ReadOnly {
			t.Errorf("the app gets %+v", m)
		}
	}
	if len(d.Plan.Mounts) != 2 {
		t.Errorf("the app gets %d mounts", len(d.Plan.Mounts))
	}
}

// The image, the pull policy and the resources are the policy's alone (research: T13, T29).
func TestNoAnnotationReachesWhatThePlatformOwns(t *testing.T) {
	t.Parallel()
	for _, option := range []string{"image", "resources", "cpu", "memory", "pull-policy", "uid", "args", "command", "env", "privileged"} {
		t.Run(option, func(t *testing.T) {
			t.Parallel()
			d := decide(MakePod("web").Git("git-poller.pillion.dev/"+option, "x").Obj())
			if d.Result != reason.Denied || d.Reason != reason.UnknownAnnotation {
				t.Errorf("%s: %s", d.Result, d.Message())
			}
		})
	}
}

func TestAGuaranteedPodStaysGuaranteed(t *testing.T) {
	t.Parallel()
	full, other := [2]string{"1", "1Gi"}, [2]string{"500m", "1Gi"}
	none := [2]string{}
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		want bool
	}{
		{"no resources at all", MakePod("web"), false},
		{"requests that equal the limits", MakePod("web").Resources("web", full, full), true},
		{"requests that equal the limits in other words", MakePod("web").Resources("web", [2]string{"1000m", "1024Mi"}, full), true},
		{"limits alone, which become the requests", MakePod("web").Resources("web", none, full), true},
		{"less CPU requested", MakePod("web").Resources("web", other, full), false},
		{"requests alone", MakePod("web").Resources("web", full, none), false},
		{"no memory", MakePod("web").Resources("web", [2]string{"1", ""}, [2]string{"1", ""}), false},
		{"a limit of zero", MakePod("web").Resources("web", none, [2]string{"0", "1Gi"}), false},
		{"one container of two", MakePod("web", "api").Resources("web", full, full), false},
		{"an init container that is not", MakePod("web").Init("setup").Resources("web", full, full), false},
		{"an init container that is", MakePod("web").Init("setup").Resources("web", full, full).Resources("setup", full, full), true},
		{"resources of the pod itself", MakePod("web").Resources("web", full, full).Change(func(p *pod.Pod) {
			p.Spec.Resources = &corev1.ResourceRequirements{Limits: corev1.ResourceList{"cpu": resource.MustParse("2")}}
		}), false},
		{"resources of the pod that are empty", MakePod("web").Resources("web", full, full).Change(func(p *pod.Pod) { p.Spec.Resources = &corev1.ResourceRequirements{} }), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, d := planned(t, tt.pod.Git())
			raised := c.Resources.Requests.Cpu().String() == "500m" && c.Resources.Requests.Memory().String() == "256Mi"
			if raised != tt.want {
				t.Errorf("raised %t, want %t: %v", raised, tt.want, c.Resources)
			}
			if again := decide(patched(t, tt.pod.Obj(), &d.Plan)); again.Result != reason.Unchanged {
				t.Errorf("a second review says %s", again.Result)
			}
		})
	}
	if testPolicy().Helpers["git-poller"].Resources.Requests.Cpu().String() != "10m" {
		t.Error("the policy was changed")
	}
}

func TestAPolicyWithoutRequestsGetsThemInAGuaranteedPod(t *testing.T) {
	t.Parallel()
	policy := testPolicy()
	policy.Helpers["git-poller"].Resources.Requests = nil
	d := Injector{}.Decide(MakePod("web").Resources("web", [2]string{}, [2]string{"1", "1Gi"}).Git().Obj(), policy, nil)
	if got := d.Plan.Containers[0].Container.Resources.Requests.Cpu().String(); got != "500m" {
		t.Errorf("requests %s", got)
	}
}

func TestPullSecretsOfThePolicyAreAddedOnce(t *testing.T) {
	t.Parallel()
	policy := testPolicy()
	policy.Helpers["git-poller"].PullSecrets = []corev1.LocalObjectReference{{Name: "mirror"}, {Name: "own"}}
	policy.Helpers["date-writer"].PullSecrets = []corev1.LocalObjectReference{{Name: "mirror"}}
	pod := MakePod("web").Git().Date().Change(func(p *pod.Pod) {
		p.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "own"}, {Name: "other"}}
	}).Obj()
	d := Injector{}.Decide(pod, policy, nil)
	if diff := cmp.Diff([]corev1.LocalObjectReference{{Name: "mirror"}}, d.Plan.PullSecrets); diff != "" {
		t.Errorf("pull secrets (-want +got):\n%s", diff)
	}
	if again := (Injector{}).Decide(patched(t, pod, &d.Plan), policy, nil); again.Result != reason.Unchanged {
		t.Errorf("a second review says %s and adds %v", again.Result, again.Plan.PullSecrets)
	}
}

func TestWarningsFitIntoAnAnswer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		want []string
	}{
		{"nothing to warn of", MakePod("web").Git(keyRef, "main"), nil},
		{"a full hash is none", MakePod("web").Git(keyRef, strings.Repeat("0123abcdef", 4)), nil},
		{
			"a shortened hash", MakePod("web").Git(keyRef, "0123abc"),
			[]string{"pillion: git-poller: ref 0123abc… looks like a shortened hash; give all of its digits"},
		},
		{
			"a branch as a clone names it", MakePod("web").Git(keyRef, "origin/main"),
			[]string{"pillion: git-poller: ref origin/main looks like a branch of a clone; on the server it is main"},
		},
		{
			"a period for what ends", MakePod("web").Git(keyMode, "once", "git-poller.pillion.dev/period", "1m"),
			[]string{"pillion: git-poller: period has no effect with mode once"},
		},
		{
			"an opt-out beside a request", MakePod("web").Git(InjectAnnotation, "false"),
			[]string{`pillion: inject "false" opts out of a policy's defaults only, not of what it requires or the pod asks for`},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, d := planned(t, tt.pod)
			if diff := cmp.Diff(tt.want, d.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if i := slices.IndexFunc(d.Warnings, func(w string) bool { return len(w) > 120 }); i >= 0 {
				t.Errorf("a warning of %d bytes: %s", len(d.Warnings[i]), d.Warnings[i])
			}
		})
	}
}

// What the pod as a whole has is its own budget: a helper with requests beside it could
// make the containers request more than the pod, which the API server denies.
func TestAHelperLeavesToThePodWhatThePodBudgets(t *testing.T) {
	t.Parallel()
	one := resource.MustParse("1")
	for _, tt := range []struct {
		name  string
		whole corev1.ResourceRequirements
		want  string
	}{
		{"nothing", corev1.ResourceRequirements{}, "cpu 10m/500m memory 8Mi/256Mi"},
		{"a CPU request", corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": one}}, "cpu 0/0 memory 8Mi/256Mi"},
		{"a memory limit", corev1.ResourceRequirements{Limits: corev1.ResourceList{"memory": one}}, "cpu 10m/500m memory 0/0"},
		{"both", corev1.ResourceRequirements{Limits: corev1.ResourceList{"memory": one, "cpu": one}}, "cpu 0/0 memory 0/0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, _ := planned(t, MakePod("web").Change(func(p *pod.Pod) { p.Spec.Resources = &tt.whole }).Git())
			r := c.Resources
			got := fmt.Sprintf("cpu %s/%s memory %s/%s", r.Requests.Cpu(), r.Limits.Cpu(), r.Requests.Memory(), r.Limits.Memory())
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
