// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"errors"
	"math/bits"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// hugeDir is where programs look for huge pages by convention (hugetlbfs, libhugetlbfs, DPDK).
const hugeDir = "/dev/hugepages"

// hugePages are PAGE:AMOUNT, such as 2Mi:512Mi.
var hugePages = option.Kind{Name: "huge pages", Parse: parseHugePages}

// parseHugePages reads PAGE:AMOUNT.
func parseHugePages(text string) (option.Value, error) {
	page, amount, _ := strings.Cut(text, ":")
	p, err := option.ReadSize(page)
	if err != nil || p.Number < 64<<10 || bits.OnesCount64(uint64(p.Number)) != 1 {
		return option.Value{}, errors.New("must be the size of a page that the nodes have, a colon and an amount, such as 2Mi:512Mi")
	}
	a, err := option.ReadSize(amount)
	if err != nil || a.Number < p.Number || a.Number%p.Number != 0 {
		return option.Value{}, errors.New("must have a multiple of the page size behind the colon, such as 2Mi:512Mi")
	}
	return option.Value{Text: p.Text + ":" + a.Text, List: []string{p.Text, a.Text}, Names: []string{p.Text + ":" + a.Text}, Number: a.Number}, nil
}

// addHugePages gives each participant the volume and the limit.
func addHugePages(e *helper.Editor, r *helper.Request, targets []pod.Target) (volume string) {
	const option = "hugepages"
	v := r.Value(option)
	page, amount := v.List[0], resource.NewQuantity(v.Number, resource.BinarySI)
	name := corev1.ResourceName(corev1.ResourceHugePagesPrefix + page)
	if whole := e.Spec().Resources; whole != nil && len(whole.Requests)+len(whole.Limits) > 0 {
		e.Deny(reason.Invalid(reason.PodConflict, r.Path(option), v.Text, "the pod as a whole has resources (spec.resources), of which huge pages are a part; set them there and in its containers yourself"))
		return ""
	}
	own := helper.EmptyDir(pod.ReservedPrefix+"ipc-hugepages", *amount)
	own.EmptyDir.Medium = corev1.StorageMediumHugePagesPrefix + corev1.StorageMedium(page)
	sharing := helper.Sharing{Request: r, Option: option, Path: hugeDir, Targets: targets, Own: own, Alone: true}
	before, later := len(e.Problems()), e.Before(sharing)
	for _, t := range targets {
		if !r.LeavesOut(t.Name) {
			hugePageLimit(e, r, t, name, *amount, later && mountedAt(t, hugeDir) == nil)
		}
	}
	if len(e.Problems()) > before {
		return ""
	}
	e.Setting(string(name) + "=" + amount.String())
	volume, _ = e.ShareVolume(sharing)
	return volume
}

// hugePageLimit gives a participant the limit. A container that came later and cannot have it is left out.
func hugePageLimit(e *helper.Editor, r *helper.Request, t pod.Target, name corev1.ResourceName, amount resource.Quantity, later bool) {
	const option = "hugepages"
	text := r.Value(option).Text
	have, limited := t.Resources.Limits[name]
	request, requested := t.Resources.Requests[name]
	switch {
	case limited && have.Cmp(amount) != 0 || requested && request.Cmp(amount) != 0:
		e.DenyOrLeaveOut(r, t, later, reason.Invalid(reason.PodConflict, r.Path(option), text, "container %q asks for another amount of %s itself; remove one of the two", t.Name, name))
	case limited:
	case !hasResource(t.Resources, corev1.ResourceCPU) && !hasResource(t.Resources, corev1.ResourceMemory):
		e.DenyOrLeaveOut(r, t, later, reason.Invalid(reason.PodConflict, r.Path(option), text, "container %q has no requests of cpu or memory, without which Kubernetes gives no huge pages; set them, or leave the container out (option containers)", t.Name))
	default:
		e.HugePages(plan.HugePages{Container: t.Ref, Resource: name, Limit: amount})
	}
}

// hasResource reports whether a container requests or limits a resource.
func hasResource(r corev1.ResourceRequirements, name corev1.ResourceName) bool {
	_, requested := r.Requests[name]
	_, limited := r.Limits[name]
	return requested || limited
}
