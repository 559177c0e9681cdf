// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Paths inside a helper's container. No path that a user typed is among them.
const (
	helperBinary = "/pillion-helper"
	contentDir   = "/pillion/content"
	authDir      = "/pillion/auth"
	caDir        = "/pillion/ca"
	tokenDir     = "/var/run/secrets/kubernetes.io/serviceaccount"
)

// noTokenVolume is mounted over the place of the ServiceAccount token. The
// ServiceAccount admission plugin runs again after every webhook that changed a pod,
// and mounts the token into each container that has no mount at that path.
const noTokenVolume = ReservedPrefix + "no-token"

// builder turns requests into a plan. It sees the pod and the policy and writes the
// plan; helpers go through it one after the other, in the order of their names.
type builder struct {
	pod    *Pod
	policy *Policy
	root   *field.Path // of the pod or pod template; nil for a pod

	plan     Plan
	requests []*Request // all of them, the one that is being built included
	helpers  []HelperStatus
	settings []string // that the helper at hand adds, for the status
	problems []Problem
	warnings []string

	claims     map[ContainerRef][]claim // who mounts what where, for conflicts between helpers
	fills      map[string]*Request      // by the name of the volume that the helper fills
	ports      map[int32]string         // who listens where in the pod; nil until a helper wants to know
	added      []string                 // names of the volumes of ours, whether new or there already
	disk       []string                 // those of them that lie on the node's disk
	guaranteed bool

	inMemory, onDisk sized // what the policy limits
}

func newBuilder(pod *Pod, policy *Policy, root *field.Path) *builder {
	return &builder{
		pod: pod, policy: policy, root: root, guaranteed: pod.Spec.guaranteed(),
		fills: map[string]*Request{},
		added: make([]string, 0, 4), disk: make([]string, 0, 4), // as many as most pods get
	}
}

func (b *builder) refuse(p Problem) { b.problems = append(b.problems, p) }

// refuseOnce is for what several helpers would say.
func (b *builder) refuseOnce(p Problem) {
	if !slices.ContainsFunc(b.problems, func(have Problem) bool { return have.Error.Error() == p.Error.Error() }) {
		b.refuse(p)
	}
}

// add puts one helper's container into the plan, with what all of them have in
// common. Existing ones of the same name are kept if they are equal, else renewed.
func (b *builder) add(r *Request, c *corev1.Container, first bool) {
	hp := b.policy.helper(r.Helper.Name)
	if c.Name == "" {
		c.Name = ReservedPrefix + r.Name()
	}
	c.Image, c.ImagePullPolicy = hp.Image, hp.PullPolicy
	if c.Command == nil {
		c.Command = []string{helperBinary}
	}
	for i := range c.Args {
		c.Args[i] = literal(c.Args[i])
	}
	c.Resources = b.resources(hp)
	if c.SecurityContext == nil {
		c.SecurityContext = hp.restricted(hp.user())
	}
	b.refuseRoot(c)
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: noTokenVolume, MountPath: tokenDir, ReadOnly: true})
	// The defaults of the API server are written out, so that the container that
	// comes back on a second call equals the one that we would write.
	c.TerminationMessagePath = corev1.TerminationMessagePathDefault
	c.TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
	b.volume(emptyDir(noTokenVolume, resource.MustParse("1Mi")))

	for _, secret := range hp.PullSecrets {
		if !slices.Contains(b.pod.Spec.ImagePullSecrets, secret) && !slices.Contains(b.plan.PullSecrets, secret) {
			b.plan.PullSecrets = append(b.plan.PullSecrets, secret)
		}
	}
	i := b.pod.Spec.initContainer(c.Name)
	if i == Insert || !sameContainer(b.pod.Spec.InitContainers[i].Raw, c) {
		b.plan.Containers = append(b.plan.Containers, HelperContainer{Container: *c, First: first, Renew: i})
	}
}

// volume puts a volume into the plan unless an equal one is there.
func (b *builder) volume(v corev1.Volume) {
	if slices.Contains(b.added, v.Name) {
		return
	}
	b.added = append(b.added, v.Name)
	b.count(&v)
	if v.EmptyDir != nil && v.EmptyDir.Medium != corev1.StorageMediumMemory { // as the autoscaler sees it
		b.disk = append(b.disk, v.Name)
	}
	i := slices.IndexFunc(b.pod.Spec.Volumes, func(have Volume) bool { return have.Name == v.Name })
	if i == Insert || !sameVolume(b.pod.Spec.Volumes[i].Raw, &v) {
		b.plan.Volumes = append(b.plan.Volumes, HelperVolume{Volume: v, Renew: i})
	}
}

// resources are the policy's, with two exceptions. In a pod of the Guaranteed class
// requests are raised to the limits, because one helper with lower requests would take
// the class from the app. What the pod as a whole requests or limits is left to that
// budget: the API server refuses a pod whose containers request more than the pod does.
func (b *builder) resources(hp *HelperPolicy) corev1.ResourceRequirements {
	whole := b.pod.Spec.Resources
	if whole == nil && !b.guaranteed { // the usual case: nothing is changed, so nothing is copied
		return hp.Resources
	}
	r := *hp.Resources.DeepCopy()
	if whole != nil {
		for _, list := range []corev1.ResourceList{whole.Requests, whole.Limits} {
			for name := range list {
				delete(r.Requests, name)
				delete(r.Limits, name)
			}
		}
	}
	if b.guaranteed && guaranteed(corev1.ResourceRequirements{Limits: r.Limits}) {
		if r.Requests == nil {
			r.Requests = corev1.ResourceList{}
		}
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			r.Requests[name] = r.Limits[name]
		}
	}
	return r
}

// literal keeps the kubelet from expanding $(VAR) in a container's command,
// arguments and exec probes: "$$" is how a "$" is written there
// (k8s.io/api/core/v1, Container.Args).
func literal(text string) string { return strings.ReplaceAll(text, "$", "$$") }

// probe is an exec probe of the helper binary, with the API server's defaults
// written out.
func probe(failures int32, args ...string) *corev1.Probe {
	command := make([]string, 0, 2+len(args))
	command = append(command, helperBinary, "probe")
	for _, arg := range args {
		command = append(command, literal(arg))
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

func emptyDir(name string, limit resource.Quantity) corev1.Volume {
	limit = asServed(limit)
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &limit},
	}}
}
