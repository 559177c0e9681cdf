// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// Injector decides for one version of Pillion. The version goes into the status.
type Injector struct {
	Version string
}

// SafeToEvictAnnotation lists volumes that the cluster autoscaler may lose.
const SafeToEvictAnnotation = pod.SafeToEvictAnnotation

// Decide answers for one pod, or for the pod template that lies at root in its
// workload (nil for a pod). It never fails: what is wrong with the pod is the answer.
func (in Injector) Decide(p *pod.Pod, policy *Policy, root *field.Path) Decision {
	d := Decision{Policy: policy.Name, PolicyHash: policy.Hash}
	asked := parse(policy.Known, p.Metadata.Annotations, root)
	leftOut := policy.join(&asked, p, root)
	switch {
	case p.Mirrors():
		return d.mirror(&asked)
	case asked.ours == 0 && len(asked.requests) == 0:
		return in.skipped(d.skip(cmp.Or(leftOut, reason.NothingRequested)), p)
	case p.Spec.Windows():
		return in.windows(d, &asked, p, policy, root)
	}
	if p := tooManyContainers(&p.Spec, len(policy.Require)+len(policy.Inject), root); p != nil {
		return d.deny([]reason.Problem{*p})
	}
	denied := review(policy, p, asked.requests, root)
	e := build(p, policy, asked.requests, root)
	problems := slices.Concat(asked.problems, policy.denyOptOut(&asked, root), denied, e.Problems(), policy.checkLimits(asked.requests, e, root))
	if policy.Warn {
		d.Violations, problems = violations(problems)
	}
	if len(problems) > 0 {
		return d.deny(problems)
	}
	if len(asked.requests) == 0 {
		return in.skipped(d.skip(cmp.Or(leftOut, reason.NothingRequested), asked.asksForNothing(policy)...), p)
	}
	if problems = reservedNames(p, policy, e, root); len(problems) > 0 {
		return d.deny(problems)
	}
	d.Helpers, d.Warnings = e.Statuses(), e.Warnings()
	if asked.optOut {
		d.Warnings = append(d.Warnings, "pillion: inject \"false\" opts out of a policy's defaults only, not of what it requires or the pod asks for")
	}
	return in.injected(d, p, e)
}

// asksForNothing tells a person who means to switch something on how to ask for it.
func (p *parsed) asksForNothing(policy *Policy) []string {
	if !p.optIn {
		return nil
	}
	for _, h := range policy.Known.All() {
		if policy.Helpers[h.Name] != nil && len(h.Options) > 0 {
			return []string{fmt.Sprintf("pillion: inject %q requests nothing by itself; request a helper, such as %.48s", "true", h.Key("", h.Options[0].Name))}
		}
	}
	return []string{fmt.Sprintf("pillion: inject %q requests nothing by itself, and policy %.40q allows no helper", "true", policy.Name)}
}

// mirror leaves the image of a static pod alone: what is added to it changes nothing that
// runs, and would be a lie.
func (d Decision) mirror(asked *parsed) Decision {
	switch {
	case asked.ours > 0:
		return d.skip(reason.MirrorPod, "pillion: a static pod is read from the node's disk; put the helper into its file")
	case len(asked.requests) > 0:
		return d.skip(reason.MirrorPod)
	}
	return d.skip(reason.NothingRequested)
}

// windows decides on a pod that no helper can run in.
func (in Injector) windows(d Decision, asked *parsed, p *pod.Pod, policy *Policy, root *field.Path) Decision {
	denied := policy.denyWindows(root)
	switch {
	case len(denied) > 0 && !policy.Warn:
		return d.deny(denied)
	case asked.ours == 0:
		d = d.skip(reason.WindowsPod)
	default:
		d = d.skip(reason.WindowsPod, "pillion: helpers are Linux containers; this Windows pod gets none")
	}
	d.Violations = denied
	return in.skipped(d, p)
}

// tooManyContainers bounds the work of a review and the length of its answer. Our own
// containers are counted apart, or a pod at the limit could not be looked at again once
// it is injected; each of them has an annotation at least, or is one of the policy's additions.
func tooManyContainers(s *pod.Spec, additions int, root *field.Path) *reason.Problem {
	apps := s.Apps()
	if apps > maxContainers {
		p := reason.Invalid(reason.TooMany, root.Child("spec", "containers"), apps, "is the number of containers and init containers; at most %d are considered", maxContainers)
		return &p
	}
	if ours := len(s.Containers) + len(s.InitContainers) - apps; ours > maxAnnotations+additions {
		p := reason.Invalid(reason.TooMany, root.Child("spec", "initContainers"), ours, "is the number of containers whose names begin with %q; at most %d are considered", pod.ReservedPrefix, maxAnnotations+additions)
		return &p
	}
	return nil
}

// build lets each helper add itself whose options all have values. What prepares the
// ground goes first, since the first init containers are inserted in the order in which
// they are planned.
func build(p *pod.Pod, policy *Policy, requests []*helper.Request, root *field.Path) *helper.Editor {
	requests = slices.Clone(requests)
	slices.SortStableFunc(requests, func(a, b *helper.Request) int { return cmp.Compare(b.Helper.Ahead, a.Helper.Ahead) })
	e := helper.NewEditor(p, helper.Terms{Policy: policy.Name, Warn: policy.Warn, GVisor: policy.GVisor}, requests, root)
	for _, r := range requests {
		switch rules := policy.helper(r.Helper.Name); {
		case rules == nil:
		case r.Complete():
			addRemedy(r, e.Add(r, rules))
		default: // it is denied, and says what else is wrong with it
			whole, made := r.Completed()
			alone := helper.NewEditor(p, helper.Terms{Policy: policy.Name, GVisor: policy.GVisor}, []*helper.Request{whole}, root)
			for _, problem := range alone.Add(whole, rules) {
				if !slices.ContainsFunc(made, func(path *field.Path) bool { return path.String() == problem.Field }) {
					e.Deny(problem)
				}
			}
		}
	}
	return e
}

// injected completes the plan with the annotations.
func (in Injector) injected(d Decision, p *pod.Pod, e *helper.Editor) Decision {
	d.Plan = *e.Plan()
	safeToEvict(&d.Plan, p, e.Disk())
	status := Status{
		Version: in.Version, Policy: d.Policy, PolicyHash: d.PolicyHash,
		Result: reason.Injected, Reason: why(d.Helpers), Helpers: d.Helpers, Renewed: d.Plan.Renewed(),
	}
	if status.Violations = d.violated(); len(status.Violations) > 0 {
		status.Reason = reason.WouldBeDenied
	}
	var owned []string
	for i := range d.Helpers {
		owned = append(append(owned, d.Helpers[i].Container), d.Helpers[i].Volumes...)
	}
	status.annotate(&d.Plan, p.Metadata.Annotations, owned)
	d.Result, d.Reason = status.Result, status.Reason
	if d.Plan.Empty() {
		d.Result, d.Reason = reason.Unchanged, reason.AlreadyInjected
	}
	return d
}

// why is the reason of a pod in which several helpers can have several: what the pod asks
// for, before what the policy requires, before what it adds by default.
func why(helpers []helper.Status) reason.Reason {
	for _, reason := range []reason.Reason{reason.Requested, reason.Required} {
		if slices.ContainsFunc(helpers, func(h helper.Status) bool { return h.Reason == reason }) {
			return reason
		}
	}
	return reason.ByDefault
}

func (d Decision) skip(why reason.Reason, warnings ...string) Decision {
	d.Result, d.Reason, d.Warnings = reason.Skipped, why, warnings
	return d
}

// skipped writes the status of a pod that gets no helper: why, if it asked for one,
// and the truth over one that somebody else wrote. A pod that asked for nothing and
// says nothing stays as it is.
func (in Injector) skipped(d Decision, p *pod.Pod) Decision {
	if _, has := p.Metadata.Annotations[StatusAnnotation]; !has && d.Reason == reason.NothingRequested {
		return d
	}
	Status{
		Version: in.Version, Policy: d.Policy, PolicyHash: d.PolicyHash, Result: d.Result, Reason: d.Reason, Violations: d.violated(),
	}.annotate(&d.Plan, p.Metadata.Annotations, nil)
	return d
}

// safeToEvict adds our volumes on disk to the list of those that may be lost.
func safeToEvict(to *plan.Plan, p *pod.Pod, disk []string) {
	have := p.Metadata.Annotations[SafeToEvictAnnotation]
	missing := slices.Clone(disk)
	var names strings.Builder // a list of all would be eight times the annotation, which can be large
	names.Grow(len(have) + 64)
	add := func(name string) {
		if names.Len() > 0 {
			names.WriteByte(',')
		}
		names.WriteString(name)
	}
	for name := range strings.SplitSeq(have, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		add(name)
		if i := slices.Index(missing, name); i >= 0 {
			missing = slices.Delete(missing, i, i+1)
		}
	}
	if len(missing) == 0 {
		return
	}
	for _, name := range missing {
		add(name)
	}
	to.Annotations = append(to.Annotations, plan.Annotation{Key: SafeToEvictAnnotation, Value: names.String()})
}
