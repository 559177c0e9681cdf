// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// Bounds are the LimitRanges and ResourceQuotas of a namespace. The API server holds a pod
// against them after all webhooks, so who sees no further than a pod cannot know of them.
type Bounds struct {
	Ranges []corev1.LimitRange
	Quotas []corev1.ResourceQuota
}

// bounded is a container with what it requests and may use.
type bounded struct {
	name    string
	ours    bool
	init    bool // an init container, which may be a sidecar
	once    bool // one that ends before the app starts
	request corev1.ResourceList
	limit   corev1.ResourceList
}

// findings says which bounds a pod with its helpers would not keep. What is wrong with a
// container of the app alone is not Pillion's to say.
func (b *Bounds) findings(p *plan.Plan, of *pod.Pod) []Finding {
	if b == nil {
		return nil
	}
	all := containersOf(p, of)
	if !slices.ContainsFunc(all, func(c bounded) bool { return c.ours }) {
		return nil
	}
	for i := range b.Ranges { // defaults come first, those of the app's containers as well
		for j := range b.Ranges[i].Spec.Limits {
			if item := &b.Ranges[i].Spec.Limits[j]; item.Type == corev1.LimitTypeContainer {
				for k := range all {
					all[k].request, all[k].limit = filled(all[k].request, item.DefaultRequest), filled(all[k].limit, item.Default)
				}
			}
		}
	}
	var out []Finding
	for i := range b.Ranges {
		r := &b.Ranges[i]
		for j := range r.Spec.Limits {
			item := &r.Spec.Limits[j]
			switch item.Type {
			case corev1.LimitTypeContainer:
				for k := range all {
					if all[k].ours {
						out = append(out, denials(r.Name, "container "+all[k].name, all[k], item)...)
					}
				}
			case corev1.LimitTypePod:
				out = append(out, denials(r.Name, "the pod with its helpers", sum(all), item)...)
			}
		}
	}
	for i := range b.Quotas {
		out = append(out, quota(&b.Quotas[i], all)...)
	}
	return out
}

// containersOf are those of the pod once the plan is carried out: the app's, then the init
// containers in the order in which they start.
func containersOf(p *plan.Plan, of *pod.Pod) []bounded {
	var all []bounded
	for i := range of.Spec.Containers {
		c := &of.Spec.Containers[i]
		all = append(all, bounded{c.Name, false, false, false, c.Resources.Requests, c.Resources.Limits})
	}
	ours := func(c *corev1.Container) bounded {
		return bounded{c.Name, true, true, c.RestartPolicy == nil, c.Resources.Requests, c.Resources.Limits}
	}
	added := func(first bool) {
		for i := range p.Containers {
			if c := &p.Containers[i]; c.Renew == plan.Insert && c.First == first {
				all = append(all, ours(&c.Container))
			}
		}
	}
	added(true)
	for i := range of.Spec.InitContainers {
		c := &of.Spec.InitContainers[i]
		if k := slices.IndexFunc(p.Containers, func(n plan.Container) bool { return n.Renew == i }); k >= 0 {
			all = append(all, ours(&p.Containers[k].Container))
			continue
		}
		all = append(all, bounded{c.Name, pod.Reserved(c.Name), true, c.RestartPolicy != string(corev1.ContainerRestartPolicyAlways), c.Resources.Requests, c.Resources.Limits})
	}
	added(false)
	for i := range all { // the API server does so for every container
		all[i].request = filled(all[i].request, all[i].limit)
	}
	return all
}

// filled is a list with what it lacks taken from another.
func filled(have, from corev1.ResourceList) corev1.ResourceList {
	out := maps.Clone(from)
	if out == nil {
		out = corev1.ResourceList{}
	}
	maps.Copy(out, have)
	return out
}

// sum is what the API server counts: all that runs at one time. An init container that ends
// runs beside the sidecars before it, and counts as far as that is more.
func sum(all []bounded) bounded {
	return bounded{
		request: together(all, func(c *bounded) corev1.ResourceList { return c.request }),
		limit:   together(all, func(c *bounded) corev1.ResourceList { return c.limit }),
	}
}

func together(all []bounded, of func(*bounded) corev1.ResourceList) corev1.ResourceList {
	running, starting, most := corev1.ResourceList{}, corev1.ResourceList{}, corev1.ResourceList{}
	add := func(to, more corev1.ResourceList) corev1.ResourceList {
		for name, q := range more {
			have := to[name].DeepCopy() // Add changes what a copy shares
			have.Add(q)
			to[name] = have
		}
		return to
	}
	for i := range all {
		switch c := &all[i]; {
		case c.once:
			for name, q := range add(maps.Clone(starting), of(c)) {
				if have, set := most[name]; !set || q.Cmp(have) > 0 {
					most[name] = q
				}
			}
		case c.init:
			starting = add(starting, of(c))
			fallthrough
		default:
			running = add(running, of(c))
		}
	}
	for name, q := range most {
		if have, set := running[name]; !set || q.Cmp(have) > 0 {
			running[name] = q
		}
	}
	return running
}

// denials says what a LimitRange has against a container or a pod.
func denials(name, what string, c bounded, item *corev1.LimitRangeItem) []Finding {
	var out []Finding
	deny := func(format string, args ...any) {
		out = append(out, Finding{
			Code: LimitRangeDenies, Problem: true,
			Text: fmt.Sprintf("the LimitRange %s denies the pod: %s ", name, what) + fmt.Sprintf(format, args...),
			Fix:  "the platform team can set the policy's resources of the helper within the LimitRange, or widen it",
		})
	}
	for _, resourceName := range sorted(item.Max) {
		most := item.Max[resourceName]
		if limit, set := c.limit[resourceName]; !set {
			deny("has no limit of %s, and the maximum is %s", resourceName, most.String())
		} else if limit.Cmp(most) > 0 {
			deny("has the limit %s of %s, and the maximum is %s", limit.String(), resourceName, most.String())
		}
	}
	for _, resourceName := range sorted(item.Min) {
		least := item.Min[resourceName]
		if request, set := c.request[resourceName]; !set {
			deny("requests no %s, and the minimum is %s", resourceName, least.String())
		} else if request.Cmp(least) < 0 {
			deny("requests %s of %s, and the minimum is %s", request.String(), resourceName, least.String())
		}
	}
	for _, resourceName := range sorted(item.MaxLimitRequestRatio) {
		most := item.MaxLimitRequestRatio[resourceName]
		request, limit := c.request[resourceName], c.limit[resourceName]
		if ratio := limit.AsApproximateFloat64() / request.AsApproximateFloat64(); request.IsZero() || ratio > most.AsApproximateFloat64() {
			deny("has the limit %s of %s for a request of %s, and the limit may be %s times the request", limit.String(), resourceName, request.String(), most.String())
		}
	}
	return out
}

// quota says what a ResourceQuota has against the pod. One with scopes may not count it, and is
// left aside. A quota also denies containers that do not say what it counts; helpers always do.
func quota(q *corev1.ResourceQuota, all []bounded) []Finding {
	if len(q.Spec.Scopes) > 0 || q.Spec.ScopeSelector != nil {
		return nil
	}
	var out []Finding
	total := sum(all)
	for _, counted := range sorted(q.Status.Hard) {
		of := func(c *bounded) corev1.ResourceList { return c.request }
		name, isLimit := strings.CutPrefix(string(counted), "limits.")
		if isLimit {
			of = func(c *bounded) corev1.ResourceList { return c.limit }
		}
		name = strings.TrimPrefix(name, "requests.")
		need, counts := of(&total)[corev1.ResourceName(name)]
		if !counts {
			continue
		}
		hard, free := q.Status.Hard[counted], q.Status.Hard[counted].DeepCopy()
		free.Sub(q.Status.Used[counted])
		if need.Cmp(free) > 0 {
			out = append(out, Finding{
				Code: QuotaDenies, Problem: true,
				Text: fmt.Sprintf("the ResourceQuota %s denies the next pod: with its helpers it needs %s of %s (helpers %s), and %s of %s are free",
					q.Name, need.String(), counted, ours(all, name, of), free.String(), hard.String()),
				Fix: "free some of it, or have the quota raised",
			})
		}
	}
	return out
}

// ours is what helpers need of it.
func ours(all []bounded, name string, of func(*bounded) corev1.ResourceList) string {
	var total resource.Quantity
	for i := range all {
		if all[i].ours && !all[i].once {
			total.Add(of(&all[i])[corev1.ResourceName(name)])
		}
	}
	return total.String()
}

// sorted are the names of a list, in the order of the alphabet.
func sorted(list corev1.ResourceList) []corev1.ResourceName {
	names := make([]corev1.ResourceName, 0, len(list))
	for name := range list {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
