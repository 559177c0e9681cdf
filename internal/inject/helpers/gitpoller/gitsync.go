// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
	"github.com/pillion-dev/pillion/internal/inject/telling"
)

// What git-sync has in its container. Its root has to be a directory of its own below the
// volume: it empties one that it does not find in order, and git rejects a repository at a mount point
// owned by root. The link's target is relative, so it holds where the app mounts the
// volume (kubernetes/git-sync v4, main.go: initRepo, publishSymlink).
const (
	gitSyncBinary = "/git-sync"
	gitSyncLink   = "current" // the content, beside the root
	gitSyncRoot   = ".git-sync"
	gitSyncTmp    = "/tmp" // git's configuration, and the cache of credentials
)

const (
	// gitSyncTimeout is how long one poll may take, as with our own program.
	gitSyncTimeout = 10 * time.Minute
	// gitSyncRetry is the time between two polls until the first of them succeeds.
	gitSyncRetry = 5 * time.Second
)

// buildGitSync is build for the engine git-sync. Every flag that matters is
// written out, because git-sync takes those that are not from the environment.
func buildGitSync(e *helper.Editor, r *helper.Request) {
	first := r.Value(helper.Position).Text == "first"
	hp := e.Rules()
	before := len(e.Problems())
	denyGitSync(e, r, hp)
	targets := e.Targets(r, first)
	content, ok := e.ShareVolume(helper.Sharing{
		Request: r, Option: helper.MountPath, Path: r.Value(helper.MountPath).Text, Targets: targets, ReadOnly: true,
		Content: true, Alone: true, Why: ": the engine git-sync needs a volume that no app can write to",
		Own: helper.EmptyDir(pod.ReservedPrefix+r.Name(), hp.VolumeSize),
	})
	if !ok || len(e.Problems()) > before {
		return
	}
	warnMesh(e, r)
	warnRef(e, r)
	e.Warn(r.Name() + ": the engine is git-sync, so the content is at " + path.Join(r.Value(helper.MountPath).Text, gitSyncLink))
	tmp := pod.ReservedPrefix + "tmp-" + r.Name()
	c := corev1.Container{
		Command: []string{gitSyncBinary},
		Args:    gitSyncArgs(r),
		Env:     []corev1.EnvVar{{Name: "HOME", Value: gitSyncTmp}},
		VolumeMounts: []corev1.VolumeMount{
			{Name: content, MountPath: helper.ContentDir},
			{Name: tmp, MountPath: gitSyncTmp},
		},
	}
	e.Volume(helper.EmptyDir(tmp, resource.MustParse("16Mi")))
	volumes := []string{content, tmp}
	if r.Has("secret") {
		volumes = append(volumes, gitSyncSecret(e, r, &c))
	}
	if r.Has("ca-configmap") {
		volumes = append(volumes, gitCA(e, r, &c))
	}
	volumes = append(volumes, gitSyncReach(e, r, &c)...)
	c.Args = append(c.Args, "--git-config="+gitSyncConfig(e, r))
	if r.Value(helper.Mode).Text != "once" {
		c.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		if r.Value(helper.Wait).Bool() {
			c.StartupProbe = gitSyncProbe(r)
		}
	}
	if at := e.ServeMetrics(r, &c, r.Value(helper.Mode).Text == once.Value); at != "" {
		c.Args = append(c.Args, "--http-bind="+at, "--http-metrics=true")
	}
	e.Container(r, &c, first)
	e.Done(r, volumes, helper.TargetNames(targets))
}

// denyGitSync denies what git-sync cannot do, or cannot do safely. Who can write to the
// volume can change .git/config, which names programs that git runs beside the Secret.
func denyGitSync(e *helper.Editor, r *helper.Request, hp *rule.Helper) {
	if r.Has("subdir") {
		e.Deny(notWithGitSync(e, r, "subdir", "which publishes whole repositories; remove it and read the directory at %s",
			path.Join(r.Value(helper.MountPath).Text, gitSyncLink, r.Value("subdir").Text)))
	}
	if r.Value("writable").Bool() {
		e.Deny(notWithGitSync(e, r, "writable", "whose own files an app could then change, and so what runs beside its credentials; remove it"))
	}
	for _, name := range []string{telling.Notify, telling.Signal} {
		if r.Has(name) && r.Value(helper.Mode).Text != once.Value {
			e.Deny(notWithGitSync(e, r, name, "which does not notify the app in this way; remove it, or watch the directory with config-reloader"))
		}
	}
	if r.Value(submodules).Text == shallow {
		e.Deny(notWithGitSync(e, r, submodules, "which would fetch submodules from wherever the repository says, past the policy; remove it"))
	}
	if authOf(r) == gitHubApp && r.Has("secret") {
		e.Deny(notWithGitSync(e, r, "auth", "which logs in with a password or a token; put a token into the Secret and leave auth out, or ask for the engine pillion in the policy"))
	}
	if scheme(r) == "ssh" && (hp.RunAsUser == nil || *hp.RunAsUser != gitSyncUser) {
		e.Deny(notWithGitSync(e, r, "repo", "and its ssh works for user %d only, not for the one that the policy has for it; use an https URL, or ask for runAsUser: %d in the policy", gitSyncUser, gitSyncUser))
	}
}

// notWithGitSync denies a value that is right with another engine.
func notWithGitSync(e *helper.Editor, r *helper.Request, option, format string, args ...any) reason.Problem {
	why := fmt.Sprintf(format, args...)
	return reason.Invalid(reason.Contradiction, r.Path(option), r.Value(option).Text, "policy %q has the engine git-sync for %s, %s", e.Policy(), r.Helper.Name, why)
}

// gitSyncArgs are the flags that every git-sync gets.
func gitSyncArgs(r *helper.Request) []string {
	once, wanted := r.Value(helper.Mode).Text == "once", r.Value(helper.WaitTimeout).Duration()
	timeout, retries := gitSyncTimeout, -1 // forever: a sidecar that ends makes its pod unready
	switch {
	case once:
		timeout, retries = wanted, int(max(1, wanted/gitSyncRetry))
	case r.Value(helper.Wait).Bool():
		timeout = max(timeout, wanted)
	}
	args := []string{
		"--repo=" + r.Value("repo").Text, "--ref=" + r.Value("ref").Text, "--depth=" + r.Value("depth").Text,
		"--root=" + path.Join(helper.ContentDir, gitSyncRoot), "--link=" + path.Join(helper.ContentDir, gitSyncLink),
		"--submodules=off", "--git-gc=auto", "--add-user=false", "--group-write=false",
		"--stale-worktree-timeout=1m", // for a reader of the last commit when the next one comes
		"--sync-timeout=" + option.ShortDuration(timeout),
		"--init-period=" + option.ShortDuration(gitSyncRetry), "--init-max-failures=" + strconv.Itoa(retries), "--max-failures=" + strconv.Itoa(retries),
	}
	if once {
		return append(args, "--one-time=true")
	}
	return append(args, "--one-time=false", "--period="+r.Value("period").Text)
}

// gitSyncConfig is what git is told besides, in the order of git-config(1): only the
// protocol of the URL, no redirect to where the policy does not see it, no hook, no link
// that leaves the tree, no connection on which nothing at all comes for a minute (a server that
// packs sends a few bytes every 5 seconds), and memory that does not depend on how many CPUs
// the node has.
func gitSyncConfig(e *helper.Editor, r *helper.Request) string {
	config := []string{
		"core.hooksPath:/dev/null", "core.symlinks:false",
		"http.followRedirects:false", "http.lowSpeedLimit:1", "http.lowSpeedTime:60",
		"pack.threads:1", "protocol.allow:never", "protocol." + scheme(r) + ".allow:always",
	}
	if r.Has("ca-configmap") {
		config = append(config, "http.sslCAInfo:"+caFile)
	}
	if scheme(r) == "https" && e.Rules().Reach.ExtraCAs != "" { // besides sslCAInfo, or the system's
		config = append(config, "http.sslCAPath:"+helper.ExtraCADir)
	}
	return strings.Join(config, ",")
}

// gitSyncSecret mounts the Secret, into the helper only. git-sync takes a user's name from
// a flag or from the environment and from no file (README, --username).
func gitSyncSecret(e *helper.Editor, r *helper.Request, c *corev1.Container) string {
	name := r.Value("secret").Text
	if scheme(r) == "ssh" {
		c.Args = append(c.Args, "--ssh-key-file="+helper.AuthDir+"/"+corev1.SSHAuthPrivateKey, "--ssh-known-hosts=true", "--ssh-known-hosts-file="+helper.AuthDir+"/"+knownHosts)
		return authVolume(e, r, c, corev1.SSHAuthPrivateKey, knownHosts)
	}
	c.Env = append(c.Env, corev1.EnvVar{Name: "GITSYNC_USERNAME", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: name}, Key: corev1.BasicAuthUsernameKey, Optional: new(false),
	}}})
	c.Args = append(c.Args, "--password-file="+helper.AuthDir+"/"+corev1.BasicAuthPasswordKey)
	return authVolume(e, r, c, corev1.BasicAuthPasswordKey)
}

// gitSyncProbe asks whether there is a whole checkout, in which git leaves a file. It
// needs no port, of which the pod has one set for all, and goes on saying yes when
// git-sync starts again while the server is down; git-sync's own endpoint says no then.
func gitSyncProbe(r *helper.Request) *corev1.Probe {
	p := helper.Probe(int32(r.Value(helper.WaitTimeout).Duration() / time.Second))
	p.Exec.Command = []string{"/usr/bin/test", "-e", path.Join(helper.ContentDir, gitSyncLink, ".git")}
	return p
}

// gitSyncUser is the number of the only user that git-sync's image knows by name. ssh
// does not run for one that it cannot look up (kubernetes/git-sync, Dockerfile.in).
const gitSyncUser int64 = 65533
