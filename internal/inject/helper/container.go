// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// Container puts one helper's container into the plan, with what all of them have in
// common. Existing ones of the same name are kept if they are equal, else renewed.
func (e *Editor) Container(r *Request, c *corev1.Container, first bool) {
	hp := e.rules
	if c.Name == "" {
		c.Name = pod.ReservedPrefix + r.Name()
	}
	e.denySameContainer(r, c.Name)
	for i := range c.Args {
		c.Args[i] = Literal(c.Args[i])
	}
	e.finish(r.Helper, c, hp, r.resources(hp))
	e.denyRoot(c)
	e.storage(r, c)
	e.warnSurroundings(r, c, hp.Resources)
	if !r.Helper.Needs(Token) {
		noToken := EmptyDir(NoTokenVolume, resource.MustParse("1Mi"))
		e.volume(&noToken, nil)
	}

	for _, secret := range hp.PullSecrets {
		if !slices.Contains(e.spec.ImagePullSecrets, secret) && !slices.Contains(e.plan.PullSecrets, secret) {
			e.plan.PullSecrets = append(e.plan.PullSecrets, secret)
		}
	}
	i := e.spec.InitContainer(c.Name)
	if i != plan.Insert {
		raw := e.spec.InitContainers[i].Raw
		if sameContainer(raw, c, r.Reason == reason.Required) {
			return
		}
		// What AlwaysPullImages has set it also demands: without it, it would deny the pod.
		if have := text(generic(raw)["imagePullPolicy"]); stricter(have, string(c.ImagePullPolicy)) {
			c.ImagePullPolicy = corev1.PullPolicy(have)
		}
	}
	e.plan.Containers = append(e.plan.Containers, plan.Container{Container: *c, First: first, Renew: i})
}

// finish gives a container what all helpers have in common.
func (e *Editor) finish(h *Helper, c *corev1.Container, hp *rule.Helper, resources corev1.ResourceRequirements) {
	c.Image, c.ImagePullPolicy = hp.Image, hp.PullPolicy
	if c.Command == nil && h.Image == "" {
		c.Command = []string{Program}
	}
	c.Resources = e.resources(resources)
	if c.SecurityContext == nil {
		c.SecurityContext = Restricted(hp, hp.User())
	}
	if !h.Needs(Token) {
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: NoTokenVolume, MountPath: TokenDir, ReadOnly: true})
	}
	// The defaults of the API server are written out, so that the container that
	// comes back on a second call equals the one that we would write.
	c.TerminationMessagePath = corev1.TerminationMessagePathDefault
	if c.TerminationMessagePolicy == "" {
		c.TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
	}
}

// Volume puts a volume into the plan unless an equal one is there.
func (e *Editor) Volume(v corev1.Volume) { e.volume(&v, e.request) }

// volume is [Editor.Volume] for an owner, which is nil for what all helpers have together.
func (e *Editor) volume(v *corev1.Volume, owner *Request) {
	if i := slices.Index(e.added, v.Name); i >= 0 {
		if e.addedBy[i] != owner {
			e.denySameName(v.Name, e.addedBy[i])
		}
		return
	}
	e.added, e.addedBy = append(e.added, v.Name), append(e.addedBy, owner)
	e.count(v)
	if v.EmptyDir != nil && v.EmptyDir.Medium != corev1.StorageMediumMemory { // as the autoscaler sees it
		e.disk = append(e.disk, v.Name)
		if v.EmptyDir.SizeLimit != nil {
			if e.sizes == nil {
				e.sizes = map[string]resource.Quantity{}
			}
			e.sizes[v.Name] = *v.EmptyDir.SizeLimit
		}
	}
	i := slices.IndexFunc(e.spec.Volumes, func(have pod.Volume) bool { return have.Name == v.Name })
	if i == plan.Insert || !sameVolume(e.spec.Volumes[i].Raw, v) {
		e.plan.Volumes = append(e.plan.Volumes, plan.Volume{Volume: *v, Renew: i})
	}
}

// count adds a volume of ours to those that a policy limits. The volume in place of the
// token has no container that can write to it.
func (e *Editor) count(v *corev1.Volume) {
	if v.EmptyDir == nil || v.EmptyDir.SizeLimit == nil || v.Name == NoTokenVolume {
		return
	}
	kind := &e.onDisk
	if v.EmptyDir.Medium != corev1.StorageMediumDefault { // memory, or huge pages
		kind = &e.inMemory
	}
	kind.Names = append(kind.Names, v.Name)
	kind.Total.Add(*v.EmptyDir.SizeLimit)
}

// resources are the policy's and the pod's own choice, with two exceptions. In a pod of the Guaranteed class
// requests are raised to the limits, because one helper with lower requests would take
// the class from the app. What the pod as a whole requests or limits is left to that
// budget: the API server denies a pod whose containers request more than the pod does.
func (e *Editor) resources(of corev1.ResourceRequirements) corev1.ResourceRequirements {
	whole := e.spec.Resources
	if whole == nil && !e.guaranteed { // the usual case: nothing is changed, so nothing is copied
		return of
	}
	res := *of.DeepCopy()
	if whole != nil {
		for _, list := range []corev1.ResourceList{whole.Requests, whole.Limits} {
			for name := range list {
				delete(res.Requests, name)
				delete(res.Limits, name)
			}
		}
	}
	if e.guaranteed && pod.GuaranteedBy(corev1.ResourceRequirements{Limits: res.Limits}) {
		if res.Requests == nil {
			res.Requests = corev1.ResourceList{}
		}
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			res.Requests[name] = res.Limits[name]
		}
	}
	return res
}

// Literal keeps the kubelet from expanding $(VAR) in a container's command,
// arguments and exec probes: "$$" is how a "$" is written there
// (k8s.io/api/core/v1, Container.Args).
func Literal(text string) string { return strings.ReplaceAll(text, "$", "$$") }

// Probe is an exec probe of the helper binary, with the API server's defaults
// written out.
func Probe(failures int32, args ...string) *corev1.Probe {
	command := make([]string, 0, 2+len(args))
	command = append(command, Program, "probe")
	for _, arg := range args {
		command = append(command, Literal(arg))
	}
	return &corev1.Probe{
		ProbeHandler:     corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: command}},
		TimeoutSeconds:   5,
		PeriodSeconds:    1,
		SuccessThreshold: 1,
		FailureThreshold: failures,
	}
}

// asServed is a quantity as the API server writes it, which reads what we write first: a
// number of bytes that is no multiple of 1Ki is decimal for it, "1G".
func asServed(q resource.Quantity) resource.Quantity {
	if again, err := resource.ParseQuantity(q.String()); err == nil {
		return again
	}
	return q
}

// EmptyDir is a volume of at most a size on the node's disk.
func EmptyDir(name string, limit resource.Quantity) corev1.Volume {
	limit = asServed(limit)
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &limit},
	}}
}

// Requirements are requests and limits of CPU and memory. They are constants of a declaration.
func Requirements(cpu, memory, cpuLimit, memoryLimit string) corev1.ResourceRequirements {
	list := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
	}
	return corev1.ResourceRequirements{Requests: list(cpu, memory), Limits: list(cpuLimit, memoryLimit)}
}
