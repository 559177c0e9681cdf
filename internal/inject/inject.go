// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Injector decides for one version of Pillion. The version goes into the status.
type Injector struct {
	Version string
}

// SafeToEvictAnnotation lists volumes that the cluster autoscaler may lose
// (kubernetes/autoscaler, FAQ "What types of pods can prevent CA from removing a node?").
const SafeToEvictAnnotation = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"

// Decide answers for one pod, or for the pod template that lies at root in its
// workload (nil for a pod). It never fails: what is wrong with the pod is the answer.
func (in Injector) Decide(pod *Pod, policy *Policy, root *field.Path) Decision {
	d := Decision{Policy: policy.Name, PolicyHash: policy.Hash}
	asked := parse(pod.Metadata.Annotations, root.Child("metadata", "annotations"))
	_, mirror := pod.Metadata.Annotations[mirrorAnnotation]
	switch {
	case mirror && asked.ours > 0:
		// The kubelet refuses a mirror that differs from its file: not even a status.
		return d.skip(MirrorPod, "pillion: a static pod is read from the node's disk; put the helper into its file")
	case mirror:
		return d.skip(NothingRequested)
	case asked.ours == 0:
		return in.skipped(d.skip(NothingRequested), pod)
	case pod.Spec.windows():
		return in.skipped(d.skip(WindowsPod, "pillion: helpers are Linux containers; this Windows pod gets none"), pod)
	}
	if p := tooManyContainers(&pod.Spec, root.Child("spec")); p != nil {
		return d.deny([]Problem{*p})
	}
	refused := review(policy, pod, asked.requests, root)
	b := newBuilder(pod, policy, root)
	b.buildAll(asked.requests)
	problems := slices.Concat(asked.problems, refused, b.problems, b.checkLimits())
	if policy.Warn {
		d.Violations, problems = violations(problems)
	}
	if len(problems) > 0 {
		return d.deny(problems)
	}
	if len(asked.requests) == 0 {
		return in.skipped(d.skip(NothingRequested), pod)
	}
	if b.squatters(); len(b.problems) > 0 {
		return d.deny(b.problems)
	}
	d.Helpers, d.Warnings = b.helpers, b.warnings
	if asked.optOut {
		d.Warnings = append(d.Warnings, "pillion: inject \"false\" opts out of a policy's defaults only; what the pod asks for itself is injected")
	}
	return in.injected(d, b)
}

// tooManyContainers bounds the work of a review and the length of its answer. Our own
// containers are counted apart, or a pod at the limit could not be looked at again once
// it is injected; each of them has an annotation at least.
func tooManyContainers(s *Spec, at *field.Path) *Problem {
	apps := len(s.names())
	if apps > maxContainers {
		p := invalid(TooMany, at.Child("containers"), apps, "is the number of containers and init containers; at most %d are considered", maxContainers)
		return &p
	}
	if ours := len(s.Containers) + len(s.InitContainers) - apps; ours > maxAnnotations {
		p := invalid(TooMany, at.Child("initContainers"), ours, "is the number of containers whose names begin with %q; at most %d are considered", ReservedPrefix, maxAnnotations)
		return &p
	}
	return nil
}

// buildAll lets each helper add itself whose options all have values. What prepares the
// ground goes first, since the first init containers are inserted in the order in which
// they are planned.
func (b *builder) buildAll(requests []*Request) {
	b.requests = slices.Clone(requests)
	slices.SortStableFunc(b.requests, func(a, c *Request) int { return cmp.Compare(c.Helper.ahead, a.Helper.ahead) })
	for _, r := range b.requests {
		if b.policy.helper(r.Helper.Name) != nil && r.complete() {
			b.settings = nil
			r.Helper.build(b, r)
		}
	}
}

// complete tells whether every option that was given parsed and every required one
// is there: a helper is planned only then, so that one mistake is reported once.
func (r *Request) complete() bool {
	for i := range r.Helper.Options {
		o := &r.Helper.Options[i]
		if !r.Has(o.Name) && (r.given[o.Name] || o.Required) {
			return false
		}
	}
	return true
}

// done records a helper whose container and volumes are planned.
func (b *builder) done(r *Request, volumes, names []string) {
	b.helpers = append(b.helpers, HelperStatus{
		Helper: r.Helper.Name, Instance: r.Instance, Container: ReservedPrefix + r.Name(),
		Volumes: append(volumes, noTokenVolume), Settings: b.settings, Containers: names, Reason: r.Reason,
	})
}

func (b *builder) warn(text string) { b.warnings = append(b.warnings, "pillion: "+text) }

// injected completes the plan with the annotations.
func (in Injector) injected(d Decision, b *builder) Decision {
	b.safeToEvict()
	status := Status{
		Version: in.Version, Policy: d.Policy, PolicyHash: d.PolicyHash,
		Result: Injected, Reason: Requested, Helpers: b.helpers, Renewed: b.plan.Renewed(),
	}
	if status.Violations = d.violated(); len(status.Violations) > 0 {
		status.Reason = WouldBeDenied
	}
	var owned []string
	for i := range b.helpers {
		owned = append(append(owned, b.helpers[i].Container), b.helpers[i].Volumes...)
	}
	status.annotate(&b.plan, b.pod.Metadata.Annotations, owned)
	d.Plan = b.plan
	d.Result, d.Reason = status.Result, status.Reason
	if d.Plan.Empty() {
		d.Result, d.Reason = Unchanged, AlreadyInjected
	}
	return d
}

func (d Decision) skip(reason Reason, warnings ...string) Decision {
	d.Result, d.Reason, d.Warnings = Skipped, reason, warnings
	return d
}

// skipped writes the status of a pod that gets no helper: why, if it asked for one,
// and the truth over one that somebody else wrote. A pod that asked for nothing and
// says nothing stays as it is.
func (in Injector) skipped(d Decision, pod *Pod) Decision {
	if _, has := pod.Metadata.Annotations[StatusAnnotation]; !has && d.Reason == NothingRequested {
		return d
	}
	Status{
		Version: in.Version, Policy: d.Policy, PolicyHash: d.PolicyHash, Result: d.Result, Reason: d.Reason,
	}.annotate(&d.Plan, pod.Metadata.Annotations, nil)
	return d
}

// safeToEvict adds our volumes on disk to the list of those that may be lost.
func (b *builder) safeToEvict() {
	existing := b.pod.Metadata.Annotations[SafeToEvictAnnotation]
	var names []string
	for name := range strings.SplitSeq(existing, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	before := len(names)
	for _, name := range b.disk {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > before {
		b.plan.Annotations = append(b.plan.Annotations, Annotation{SafeToEvictAnnotation, strings.Join(names, ",")})
	}
}
