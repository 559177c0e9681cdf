// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// Concerns reports whether the pod has anything to do with Pillion.
func (p *PodIn) Concerns() bool {
	return p.status != nil || p.notPillions() != nil || inject.Asks(p.Annotations) || slices.ContainsFunc(p.Spec.InitContainers, reserved)
}

// Look is how to judge pods of one namespace.
type Look struct {
	Injector inject.Injector
	Policies *Policies
	Cluster  *Cluster
	// Newest says what the newest pods have: see [NewestOf].
	Newest Newest
}

// Newest has, for each policy, the status of the newest pod that was injected. It is
// the best that a person without the rights to read the webhook can know of what it
// does now.
type Newest map[string]*PodIn

// Add takes a pod into account.
func (n Newest) Add(p *PodIn) {
	if p.status == nil || p.status.Result != reason.Injected {
		return
	}
	if have := n[p.status.Policy]; have == nil || have.CreationTimestamp.Before(&p.CreationTimestamp) {
		n[p.status.Policy] = p
	}
}

// Judge tells what became of a pod.
func (l *Look) Judge(p *PodIn) Pod {
	out := l.judge(p)
	p.live(&out)
	if f := p.notPillions(); f != nil {
		out.Findings = append([]Finding{*f}, out.Findings...)
		if out.State == None || out.State == Skipped {
			out.State = Changed
		}
	}
	return out
}

func (l *Look) judge(p *PodIn) Pod {
	out := Pod{Namespace: p.Namespace, Name: p.Name, Created: p.CreationTimestamp.Time, Helpers: p.Helpers()}
	if p.status != nil {
		out.Version, out.Policy, out.PolicyHash, out.Reason = p.status.Version, p.status.Policy, p.status.PolicyHash, p.status.Reason
	}
	asks := inject.Asks(p.Annotations)
	choice, _ := l.Policies.Choose(l.Cluster)
	var decision inject.Decision
	if choice.policy != nil {
		decision = l.Injector.Decide(p.view, choice.policy, nil)
	}
	switch {
	case p.status != nil && p.status.Result == reason.Injected:
		l.judgeInjected(p, &out, &choice, &decision)
	case !asks && len(out.Helpers) == 0 && choice.certain && decision.Result == reason.Injected && !finished(p):
		out.State = Missing
		out.Findings = append(out.Findings, l.without(p, &choice))
	case !asks && len(out.Helpers) == 0:
		out.State = None
	case decision.Result == reason.Skipped:
		out.State, out.Reason = Skipped, decision.Reason
		if asks && inVain(decision.Reason) {
			out.Findings = append(out.Findings, askedInVain(decision.Reason))
		}
	case len(out.Helpers) > 0:
		out.State = Changed
		out.Findings = append(out.Findings, Finding{
			Code: ChangedByOthers, Problem: true,
			Text: "the pod has containers with Pillion's reserved names and no status that says that Pillion added them",
			Fix:  remake(p),
		})
	default:
		out.State = Missing
		out.Findings = append(out.Findings, l.Cluster.causes(p))
	}
	return out
}

// without says why a pod has nothing of what its policy adds to every pod.
func (l *Look) without(p *PodIn, choice *PolicyChoice) Finding {
	if f := l.Cluster.reach(p.Labels); f != nil {
		return *f
	}
	return Finding{
		Code: NotInjected, Problem: true,
		Text: fmt.Sprintf("the policy %q adds helpers to every pod, and this one has none: it is older than the policy, or than the namespace's label, "+
			"or the webhook's entry has a condition on annotations, which that of such a policy must not have", choice.Name),
		Fix: remake(p),
	}
}

// judgeInjected checks a pod that was injected: is everything still there, and is it
// what a pod made now would get?
func (l *Look) judgeInjected(p *PodIn, out *Pod, choice *PolicyChoice, d *inject.Decision) {
	out.State = Current
	for i := range p.status.Helpers {
		if h := &p.status.Helpers[i]; len(h.LeftOut) > 0 {
			out.Findings = append(out.Findings, Finding{
				Code: LeftOut, Text: fmt.Sprintf("%s came after the first review, too late for a part in %s", joinAnd(h.LeftOut), cmp.Or(h.Container, h.Helper)),
			})
		}
	}
	if drift := l.drift(p, choice); drift != nil && !finished(p) {
		out.State = Drifted
		out.Findings = append(out.Findings, *drift)
	}
	if d.Result == reason.Denied && choice.certain && !finished(p) {
		out.State = Drifted
		out.Findings = append(out.Findings, Finding{Code: DeniedToday, Text: "a pod like this would be denied today: " + d.Message(), Fix: "change the annotations before the pod is recreated"})
	}
	if lost := l.gone(p, d); len(lost) > 0 {
		out.State = Changed
		out.Findings = append(out.Findings, lost...)
		return
	}
	if later := addedLater(p, d); len(later) > 0 {
		out.State = Missing
		out.Findings = append(out.Findings, Finding{
			Code: AnnotatedLater, Problem: true,
			Text: "the pod requests " + joinAnd(later) + " as well, which it did not when it was made; helpers are added only then",
			Fix:  "put the annotations where the pod comes from, then " + remake(p),
		})
	}
	same := choice.certain && p.status.PolicyHash == choice.Hash && p.status.Version == l.Injector.Version
	renewed := d.Plan.Renewed()
	if !same || len(renewed) == 0 || finished(p) {
		return
	}
	if later := keysWrittenLater(p); len(later) > 0 {
		out.State = Missing
		out.Findings = append(out.Findings, Finding{
			Code: AnnotatedLater, Problem: true,
			Text: fmt.Sprintf("%s, after the pod was made at %s; %s has what the annotations said then", joinAnd(later), stamp(p.CreationTimestamp.Time), joinAnd(renewed)),
			Fix:  "put the annotations where the pod comes from, then " + remake(p),
		})
		return
	}
	out.State = Changed
	out.Findings = append(out.Findings, Finding{
		Code: ChangedByOthers, Problem: true,
		Text: joinAnd(renewed) + " is not as Pillion writes it: another webhook, or a user who may change pods, put something else there", Fix: l.Cluster.suspects(),
	})
}

// addedLater names the containers that the pod asks for and would get if it were made now,
// and that its status does not know of.
func addedLater(p *PodIn, d *inject.Decision) []string {
	var names []string
	for i := range d.Plan.Containers {
		name := d.Plan.Containers[i].Container.Name
		if slices.ContainsFunc(d.Helpers, func(h helper.Status) bool { return h.Container == name && h.Reason != reason.Requested }) {
			continue // the policy's, which has changed
		}
		if d.Plan.Containers[i].Renew == plan.Insert && !slices.ContainsFunc(p.status.Helpers, func(h helper.Status) bool { return h.Container == name }) {
			names = append(names, name)
		}
	}
	return names
}

// drift compares what made the pod with what makes pods now.
func (l *Look) drift(p *PodIn, choice *PolicyChoice) *Finding {
	made := func(format string, args ...any) *Finding {
		return &Finding{Code: MadeByOther, Text: fmt.Sprintf(format, args...), Fix: remake(p)}
	}
	s := p.status
	switch newest := l.Newest[s.Policy]; {
	case choice.certain && choice.Name != s.Policy:
		return made("it was made under the policy %q; its namespace has %q now", s.Policy, choice.Name)
	case choice.certain && choice.Hash != s.PolicyHash:
		return made("it was made under another state of the policy %q, %s; now it is %s", s.Policy, s.PolicyHash, choice.Hash)
	case newest == nil:
		return nil
	case newest.status.Version != s.Version:
		return made("it was made by Pillion %s; newer pods, such as %s, are by %s", s.Version, newest.Name, newest.status.Version)
	case newest.status.PolicyHash != s.PolicyHash:
		return made("it was made under another state of the policy %q, %s; newer pods, such as %s, have %s", s.Policy, s.PolicyHash, newest.Name, newest.status.PolicyHash)
	}
	return nil
}

// gone finds what the status says was added and the pod no longer has.
func (l *Look) gone(p *PodIn, d *inject.Decision) []Finding {
	var all []Finding
	fix := l.Cluster.suspects()
	for i := range p.status.Helpers {
		name := p.status.Helpers[i].Container
		at := slices.IndexFunc(p.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == name })
		if name != "" && at < 0 {
			all = append(all, Finding{Code: ContainerTakenAway, Problem: true, Text: "the status says that " + name + " was added, and the pod has no such container: another webhook took it away", Fix: fix})
		}
	}
	for i := range d.Plan.Containers {
		want := &d.Plan.Containers[i]
		if want.Renew == plan.Insert || want.Container.RestartPolicy == nil || p.Spec.InitContainers[want.Renew].RestartPolicy != nil {
			continue
		}
		all = append(all, Finding{Code: RestartPolicyLost, Problem: true, Text: want.Container.Name + " lost its restartPolicy: Always, so the pod waits forever for it to end: another webhook, one older than sidecars, took it away", Fix: fix})
	}
	for _, m := range d.Plan.Mounts {
		list := p.Spec.Containers
		if m.Container.Init {
			list = p.Spec.InitContainers
		}
		text := fmt.Sprintf("container %s has no mount of %s at %s", list[m.Container.Index].Name, m.Mount.Name, m.Mount.MountPath)
		if m.Renew == plan.Insert && slices.ContainsFunc(p.status.Helpers, func(h helper.Status) bool {
			return slices.Contains(h.Volumes, m.Mount.Name) && slices.Contains(h.Containers, list[m.Container.Index].Name)
		}) {
			all = append(all, Finding{Code: MountTakenAway, Problem: true, Text: text + ", which Pillion had added", Fix: fix})
		}
	}
	return all
}
