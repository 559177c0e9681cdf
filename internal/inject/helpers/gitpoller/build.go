// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/gitref"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/telling"
)

func build(e *helper.Editor, r *helper.Request) {
	first := r.Value(helper.Position).Text == "first"
	limit := e.Rules().VolumeSize
	content, names, ok := e.Share(r, r.Value(helper.MountPath).Text, !r.Value("writable").Bool(), limit, first)
	if !ok {
		if r.Has(helper.MetricsPort) {
			e.Listen(r, helper.MetricsPort) // what is wrong with the port is said as well
		}
		return
	}
	warnRef(e, r)
	if gitref.IsSHA256(r.Value("ref").Text) {
		e.Deny(reason.Invalid(reason.Contradiction, r.Path("ref"), r.Value("ref").Text, "is a hash of a repository with SHA-256; only those with SHA-1, whose hashes have 40 digits, can be read"))
	}
	ends := r.Value(helper.Mode).Text == once.Value
	warnMesh(e, r)
	c := corev1.Container{
		Args: append(make([]string, 0, 12), // as many as most have
			r.Helper.Name, "--root="+helper.ContentDir, "--max-size="+treeBudget(e, content, limit),
			"--repo="+r.Value("repo").Text, "--ref="+r.Value("ref").Text, "--depth="+r.Value("depth").Text,
		),
		VolumeMounts: []corev1.VolumeMount{
			{Name: content, MountPath: helper.ContentDir},
		},
	}
	if r.Has("subdir") {
		c.Args = append(c.Args, "--subdir="+r.Value("subdir").Text)
	}
	volumes := []string{content}
	if r.Has("secret") {
		volumes = append(volumes, gitSecret(e, r, &c))
	}
	if r.Has("ca-configmap") {
		c.Args = append(c.Args, "--ca-file="+caFile)
		volumes = append(volumes, gitCA(e, r, &c))
	}
	volumes = append(volumes, reach(e, r, &c)...)
	c.Args = secretFor(e, r, modules(e, r, redirects(e, r, c.Args)))
	if ends {
		c.Args = append(c.Args, "--once", "--timeout="+r.Value(helper.WaitTimeout).Text)
	} else {
		c.Args = append(c.Args, "--period="+r.Value("period").Text)
		c.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		if r.Value(helper.Wait).Bool() {
			c.StartupProbe = helper.Probe(int32(r.Value(helper.WaitTimeout).Duration()/time.Second), "--content="+helper.ContentDir)
		}
		c.Args = append(c.Args, tell(e, r)...)
	}
	if at := e.ServeMetrics(r, &c, ends); at != "" {
		c.Args = append(c.Args, "--metrics-listen="+at)
	}
	e.Container(r, &c, first)
	e.Done(r, volumes, names)
}

// tell is how the app hears of commits. Without a wait it may run before the first one.
func tell(e *helper.Editor, r *helper.Request) []string {
	args := telling.Args(e, r)
	if len(args) > 0 && !r.Value(helper.Wait).Bool() {
		args = append(args, "--notify-first")
	}
	return args
}

// warnMesh warns of a first checkout that the app waits for and that has no network.
func warnMesh(e *helper.Editor, r *helper.Request) {
	if ends := r.Value(helper.Mode).Text == once.Value; ends || r.Value(helper.Wait).Bool() {
		e.WarnMesh(r, ends)
	}
}

// treeBudget is how large one checkout may be, so that the pod is not evicted for
// what its volume holds. That is at most four of them: the tree that is being
// read, the ones before it, and the next one, packed and unpacked. A fifth is left
// for what a file system adds.
func treeBudget(e *helper.Editor, volume string, limit resource.Quantity) string {
	if dir := e.Spec().Volume(volume).EmptyDir; dir != nil && !pod.Reserved(volume) {
		if dir.SizeLimit != nil && dir.SizeLimit.Sign() > 0 && dir.SizeLimit.Cmp(limit) < 0 {
			limit = *dir.SizeLimit
		}
		if dir.Medium == corev1.StorageMediumMemory {
			e.Warn("the volume " + volume + " is in memory: what git-poller writes counts against its memory limit")
		}
	}
	budget := limit.Value() / 5
	if budget > 1<<20 {
		budget -= budget % (1 << 20) // so that people can read it
	}
	return resource.NewQuantity(budget, resource.BinarySI).String()
}

// warnRef warns of names that mean something else to a person's clone than to a server.
func warnRef(e *helper.Editor, r *helper.Request) {
	ref := r.Value("ref").Text
	if shortHash.MatchString(ref) {
		e.Warn(fmt.Sprintf("%s: ref %s… looks like a shortened hash; give all of its digits", r.Name(), ref[:7]))
	}
	if branch, found := strings.CutPrefix(ref, "origin/"); found {
		e.Warn(fmt.Sprintf("%s: ref origin/%.40s looks like a branch of a clone; on the server it is %.40[2]s", r.Name(), branch))
	}
}

// shortHash is what `git log --oneline` prints: a commit to a person, a branch name
// to a server.
var shortHash = regexp.MustCompile(`^[0-9a-f]{7,39}$`)
