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
	asked := parse(pod.Metadata.Annotations, root)
	leftOut := policy.join(&asked, pod, root)
	switch {
	case pod.mirrors():
		return d.mirror(&asked)
	case asked.ours == 0 && len(asked.requests) == 0:
		return in.skipped(d.skip(cmp.Or(leftOut, NothingRequested)), pod)
	case pod.Spec.windows():
		return in.windows(d, &asked, pod, policy, root)
	}
	if p := tooManyContainers(&pod.Spec, len(policy.Require)+len(policy.Inject), root); p != nil {
		return d.deny([]Problem{*p})
	}
	refused := review(policy, pod, asked.requests, root)
	b := newBuilder(pod, policy, root)
	b.buildAll(asked.requests)
	problems := slices.Concat(asked.problems, policy.refuseOptOut(&asked, root), refused, b.problems, b.checkLimits())
	if policy.Warn {
		d.Violations, problems = violations(problems)
	}
	if len(problems) > 0 {
		return d.deny(problems)
	}
	if len(asked.requests) == 0 {
		return in.skipped(d.skip(cmp.Or(leftOut, NothingRequested)), pod)
	}
	if b.squatters(); len(b.problems) > 0 {
		return d.deny(b.problems)
	}
	d.Helpers, d.Warnings = b.helpers, b.warnings
	if asked.optOut {
		d.Warnings = append(d.Warnings, "pillion: inject \"false\" opts out of a policy's defaults only, not of what it requires or the pod asks for")
	}
	return in.injected(d, b)
}

// mirror leaves the image of a static pod alone: what is added to it changes nothing that
// runs, and would be a lie.
func (d Decision) mirror(asked *parsed) Decision {
	switch {
	case asked.ours > 0:
		return d.skip(MirrorPod, "pillion: a static pod is read from the node's disk; put the helper into its file")
	case len(asked.requests) > 0:
		return d.skip(MirrorPod)
	}
	return d.skip(NothingRequested)
}

// windows decides on a pod that no helper can run in.
func (in Injector) windows(d Decision, asked *parsed, pod *Pod, policy *Policy, root *field.Path) Decision {
	refused := policy.refuseWindows(root)
	switch {
	case len(refused) > 0 && !policy.Warn:
		return d.deny(refused)
	case asked.ours == 0:
		d = d.skip(WindowsPod)
	default:
		d = d.skip(WindowsPod, "pillion: helpers are Linux containers; this Windows pod gets none")
	}
	d.Violations = refused
	return in.skipped(d, pod)
}

// tooManyContainers bounds the work of a review and the length of its answer. Our own
// containers are counted apart, or a pod at the limit could not be looked at again once
// it is injected; each of them has an annotation at least, or is one of the policy's additions.
func tooManyContainers(s *Spec, additions int, root *field.Path) *Problem {
	apps := s.apps()
	if apps > maxContainers {
		p := invalid(TooMany, root.Child("spec", "containers"), apps, "is the number of containers and init containers; at most %d are considered", maxContainers)
		return &p
	}
	if ours := len(s.Containers) + len(s.InitContainers) - apps; ours > maxAnnotations+additions {
		p := invalid(TooMany, root.Child("spec", "initContainers"), ours, "is the number of containers whose names begin with %q; at most %d are considered", ReservedPrefix, maxAnnotations+additions)
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
			before := len(b.problems)
			r.Helper.build(b, r)
			r.wayOut(b.problems[before:])
		}
	}
}

// complete tells whether every option that was given parsed and every required one
// is there: a helper is planned only then, so that one mistake is reported once.
func (r *Request) complete() bool {
	for i := range r.Helper.Options {
		if s := &r.settings[i]; !s.has && (s.given || r.Helper.Options[i].Required) {
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
		Result: Injected, Reason: why(b.helpers), Helpers: b.helpers, Renewed: b.plan.Renewed(),
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

// why is the reason of a pod in which several helpers can have several: what the pod asks
// for, before what the policy requires, before what it adds by default.
func why(helpers []HelperStatus) Reason {
	for _, reason := range []Reason{Requested, Required} {
		if slices.ContainsFunc(helpers, func(h HelperStatus) bool { return h.Reason == reason }) {
			return reason
		}
	}
	return ByDefault
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
		Version: in.Version, Policy: d.Policy, PolicyHash: d.PolicyHash, Result: d.Result, Reason: d.Reason, Violations: d.violated(),
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
