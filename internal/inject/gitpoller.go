// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"path"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Names of options that more than one place reads.
const (
	mountPath   = "mount-path"
	containers  = "containers"
	position    = "position"
	wait        = "wait"
	waitTimeout = "wait-timeout"
	mode        = "mode"
	metricsPort = "metrics-port"
)

const (
	knownHosts = "known_hosts"     // the key of a Secret for ssh that Kubernetes has no name for
	caFile     = caDir + "/ca.crt" // named as in kube-root-ca.crt, and as trust-manager does by convention
)

var gitPoller = Helper{
	Name:        "git-poller",
	FillsVolume: true,
	Engines:     []Engine{EngineGitSync},
	Doc:         "Keeps a folder of the app's containers equal to a git repository: it polls the remote and publishes each new commit at once and as a whole.",
	Options: []Option{
		{
			Name: "repo", Kind: KindRepo, Required: true, Example: "https://github.com/acme/site.git",
			WithGitSync: "The same; the policy has to leave git-sync the user 65533 for ssh. No redirect is followed, not even that of a URL without .git. A link of the repository becomes a file that holds its target.",
			Doc:         "The repository, by https or ssh, and by plain http only where the policy allows it. Credentials go into a Secret, never into the URL.",
		},
		{
			Name: "ref", Kind: KindRef, Default: "HEAD", Example: "main",
			Doc: "A branch, a tag or a full commit hash. HEAD is the remote's default branch. A hash is fetched once and polled no more.",
		},
		{
			Name: mountPath, Kind: KindMountPath, Required: true, Example: "/usr/share/nginx/html",
			WithGitSync: "The content is at `current` below it: a link, which is swapped. An emptyDir of the app is not shared.",
			Doc:         "Where the app's containers see the content. An emptyDir that they mount there already is used; anything else in the way is refused.",
		},
		{
			Name: "subdir", Kind: KindSubdir, Example: "public",
			WithGitSync: "Refused: the whole repository is published, and the folder is below `current`.",
			Doc:         "Publish only this folder of the repository.",
		},
		{
			Name: containers, Kind: KindContainers, Example: "web,api",
			Doc: "The containers that see the content. Without it every container of the app does (init containers only if named).",
		},
		{
			Name: mode, Kind: KindEnum, Enum: []string{"poll", "once"}, Default: "poll", Example: "once",
			Doc: "poll runs beside the app as a native sidecar; once is an init container that fetches the content and ends.",
		},
		{
			Name: "period", Kind: KindDuration, Default: "1m", Min: "1s", Max: "24h", Example: "30s",
			Doc: "Time between two polls.",
		},
		{
			Name: "depth", Kind: KindInt, Default: "1", Min: "1", Max: "1000", Example: "1",
			Doc: "How many commits of history to fetch. One is enough, unless ref is a hash and the server does not hand out single commits.",
		},
		{
			Name: "secret", Kind: KindObjectName, Example: "site-credentials",
			WithGitSync: "The same; for https it needs the key `username`.",
			Doc:         "A Secret of the pod's namespace: type kubernetes.io/basic-auth for https, or kubernetes.io/ssh-auth with a further key known_hosts for ssh. Only the helper mounts it.",
		},
		{
			Name: "auth", Kind: KindEnum, Enum: []string{"basic", "ssh"}, Example: "basic",
			Doc: "How to use the Secret. It follows from the URL's scheme; if set, it has to agree with it.",
		},
		{
			Name: "ca-configmap", Kind: KindObjectName, Example: "acme-ca",
			Doc: "A ConfigMap of the pod's namespace whose key ca.crt holds the certificate authorities to trust, for an https server with a private one.",
		},
		{
			Name: wait, Kind: KindBool, Default: "true", Example: "false",
			Doc: "Start the app only after the first complete checkout.",
		},
		{
			Name: waitTimeout, Kind: KindDuration, Default: "10m", Min: "1s", Max: "24h", Example: "2m",
			WithGitSync: "The same with `poll`. With `once` it bounds one attempt, and the pauses of 5s between those that fail.",
			Doc:         "How long the first checkout may take before the helper is restarted (poll) or the pod's start fails (once).",
		},
		{
			Name: position, Kind: KindEnum, Enum: []string{"last", "first"}, Default: "last", Example: "first",
			Doc: "Whether the helper starts behind or before the pod's other init containers. last suits service meshes, first lets init containers use the content.",
		},
		{
			Name: metricsPort, Kind: KindInt, Min: "1024", Max: "65535", Example: "9102",
			WithGitSync: "The same, with git-sync's own metrics.",
			Doc:         "Serve the helper's metrics for Prometheus on this port. Without it there are none.",
		},
		{
			Name: "metrics-address", Kind: KindEnum, Enum: []string{"localhost", "pod"}, Default: "localhost", Example: "pod",
			Doc: "Who can read the metrics: the containers of the pod, or whoever reaches the pod's address.",
		},
		{
			Name: "writable", Kind: KindBool, Default: "false", Example: "true",
			WithGitSync: "Refused if `true`: git's own files are in the volume, and name programs that git runs beside the Secret.",
			Doc:         "Mount the content writable in the app's containers. The next commit does not carry over what the app wrote. The files and folders of a commit belong to the helper's user; an app of another user can only add to the top.",
		},
	},
	check: checkGitPoller,
	build: buildGitPoller,
}

func checkGitPoller(r *Request) []Problem {
	var problems []Problem
	repo, secret := r.Value("repo").repo, r.Has("secret")
	if repo == nil { // without a repository, reported elsewhere, there is nothing to agree with
		return nil
	}
	follows := map[string]string{"https": "basic", "http": "basic", "ssh": "ssh"}[repo.scheme]
	switch auth := r.Value("auth").Text; {
	case auth != "" && auth != follows:
		problems = append(problems, invalid(Contradiction, r.path("auth"), auth, "an %s URL is used with %q; change the URL, or leave auth out", repo.scheme, follows))
	case auth != "" && !secret:
		problems = append(problems, invalid(Contradiction, r.path("auth"), auth, "needs a Secret: set %s", r.Helper.Key(r.Instance, "secret")))
	case repo.scheme == "ssh" && !secret:
		problems = append(problems, Problem{MissingOption, field.Required(r.path("secret"), "ssh needs a key: name a Secret of type kubernetes.io/ssh-auth that also has the key known_hosts")})
	case repo.scheme == "http" && secret:
		problems = append(problems, invalid(Contradiction, r.path("secret"), r.Value("secret").Text, "would be sent in clear text over http; use an https URL"))
	}
	if repo.scheme != "https" && r.Has("ca-configmap") {
		problems = append(problems, invalid(Contradiction, r.path("ca-configmap"), r.Value("ca-configmap").Text, "has a meaning for https URLs only; remove it"))
	}
	if r.given(wait) && r.Value(wait).Text == "false" && r.Value(mode).Text == "once" {
		problems = append(problems, invalid(Contradiction, r.path(wait), "false", "mode once always ends before the app starts; remove wait, or use mode poll"))
	}
	return problems
}

func buildGitPoller(b *builder, r *Request) {
	if b.policy.helper(r.Helper.Name).Engine == EngineGitSync {
		b.buildGitSync(r)
		return
	}
	first := r.Value(position).Text == "first"
	limit := b.policy.helper(r.Helper.Name).VolumeSize
	content, names, ok := b.share(r, r.Value(mountPath).Text, !r.Value("writable").Bool(), limit, first)
	if !ok {
		return
	}
	b.warnGitPoller(r)
	once := r.Value(mode).Text == "once"
	c := corev1.Container{
		Args: []string{
			r.Helper.Name, "--root=" + contentDir, "--max-size=" + b.treeBudget(content, limit),
			"--repo=" + r.Value("repo").Text, "--ref=" + r.Value("ref").Text, "--depth=" + r.Value("depth").Text,
		},
		VolumeMounts: []corev1.VolumeMount{
			{Name: content, MountPath: contentDir},
		},
	}
	if r.Has("subdir") {
		c.Args = append(c.Args, "--subdir="+r.Value("subdir").Text)
	}
	volumes := []string{content}
	if r.Has("secret") {
		volumes = append(volumes, b.gitSecret(r, &c))
	}
	if r.Has("ca-configmap") {
		c.Args = append(c.Args, "--ca-file="+caFile)
		volumes = append(volumes, b.gitCA(r, &c))
	}
	if once {
		c.Args = append(c.Args, "--once", "--timeout="+r.Value(waitTimeout).Text)
	} else {
		c.Args = append(c.Args, "--period="+r.Value("period").Text)
		c.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		if r.Value(wait).Bool() {
			c.StartupProbe = probe(int32(r.Value(waitTimeout).Duration()/time.Second), "--content="+contentDir)
		}
	}
	if r.Has(metricsPort) && !once {
		c.Args = append(c.Args, "--metrics-listen="+b.metricsAddress(r, &c))
	}
	b.add(r, &c, first)
	b.done(r, volumes, names)
}

// treeBudget is how large one checkout may be, so that the pod is not evicted for
// what its volume holds. At the most that is four of them: the tree that is being
// read, the ones before it, and the next one, packed and unpacked. A fifth is left
// for what a file system adds.
func (b *builder) treeBudget(volume string, limit resource.Quantity) string {
	if dir := b.pod.Spec.volume(volume).EmptyDir; dir != nil && !Reserved(volume) {
		if dir.SizeLimit != nil && dir.SizeLimit.Sign() > 0 && dir.SizeLimit.Cmp(limit) < 0 {
			limit = *dir.SizeLimit
		}
		if dir.Medium == corev1.StorageMediumMemory {
			b.warn("the volume " + volume + " is in memory: what git-poller writes counts against its memory limit")
		}
	}
	budget := limit.Value() / 5
	if budget > 1<<20 {
		budget -= budget % (1 << 20) // so that people can read it
	}
	return resource.NewQuantity(budget, resource.BinarySI).String()
}

// metricsAddress opens the port, and is where to listen. A port of the node would be
// fought for by every pod on it.
func (b *builder) metricsAddress(r *Request, c *corev1.Container) string {
	port, text := int32(r.Value(metricsPort).Int()), r.Value(metricsPort).Text
	if b.pod.Spec.HostNetwork {
		b.refuse(invalid(Contradiction, r.path(metricsPort), text, "the pod uses the node's network, where the port may be taken; remove it"))
	}
	if b.ports == nil {
		b.ports = b.pod.Spec.ports()
	}
	if other := b.ports[port]; other != "" {
		b.refuse(invalid(Contradiction, r.path(metricsPort), text, "%s has this port already; choose another", other))
	}
	b.ports[port] = r.Name()
	if r.Value("metrics-address").Text == "pod" {
		c.Ports = []corev1.ContainerPort{{Name: "metrics", ContainerPort: port, Protocol: corev1.ProtocolTCP}}
		return ":" + text
	}
	return "127.0.0.1:" + text
}

// gitSecret mounts the Secret, into the helper only. Naming its keys makes the kubelet say
// which one is missing, before the helper starts; it also leaves out what the helper has
// no use for. A Secret for https may have no username.
func (b *builder) gitSecret(r *Request, c *corev1.Container) string {
	if r.Value("repo").repo.scheme == "ssh" {
		c.Args = append(c.Args, "--auth=ssh", "--auth-dir="+authDir)
		return b.authVolume(r, c, corev1.SSHAuthPrivateKey, knownHosts)
	}
	c.Args = append(c.Args, "--auth=basic", "--auth-dir="+authDir)
	return b.authVolume(r, c)
}

// authVolume mounts keys of the Secret, or all of them. The files belong to root and the
// helper is not root, so they have to be readable for others; an fsGroup instead would
// change the ownership of every volume of the pod.
func (b *builder) authVolume(r *Request, c *corev1.Container, keys ...string) string {
	name := ReservedPrefix + "auth-" + r.Name()
	source := &corev1.SecretVolumeSource{SecretName: r.Value("secret").Text, DefaultMode: new(int32(0o444)), Optional: new(false)}
	for _, key := range keys {
		source.Items = append(source.Items, corev1.KeyToPath{Key: key, Path: key})
	}
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: authDir, ReadOnly: true})
	b.volume(corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Secret: source}})
	return name
}

func (b *builder) gitCA(r *Request, c *corev1.Container) string {
	name := ReservedPrefix + "ca-" + r.Name()
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: caDir, ReadOnly: true})
	b.volume(corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: r.Value("ca-configmap").Text},
		Items:                []corev1.KeyToPath{{Key: path.Base(caFile), Path: path.Base(caFile)}},
		DefaultMode:          new(int32(0o444)),
		Optional:             new(false),
	}}})
	return name
}

func (b *builder) warnGitPoller(r *Request) {
	if ref := r.Value("ref").Text; shortHash.MatchString(ref) {
		b.warn(fmt.Sprintf("%s: ref %s… looks like a shortened hash; give all of its digits", r.Name(), ref[:7]))
	}
	if r.given(waitTimeout) && r.Value(wait).Text == "false" {
		b.warn(r.Name() + ": wait-timeout has no effect with wait \"false\"")
	}
	if r.given("period") && r.Value(mode).Text == "once" {
		b.warn(r.Name() + ": period has no effect with mode once")
	}
	if r.Has(metricsPort) && r.Value(mode).Text == "once" {
		b.warn(r.Name() + ": metrics-port has no effect with mode once")
	}
	if r.given("metrics-address") && !r.Has(metricsPort) {
		b.warn(r.Name() + ": metrics-address has no effect without metrics-port")
	}
}
