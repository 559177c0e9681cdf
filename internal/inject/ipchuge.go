// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"errors"
	"math/bits"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// hugeDir is where programs look for huge pages by convention (hugetlbfs, libhugetlbfs, DPDK).
const hugeDir = "/dev/hugepages"

// parseHugePages reads PAGE:AMOUNT.
func parseHugePages(text string) (Value, error) {
	page, amount, _ := strings.Cut(text, ":")
	p, err := parseSize(page)
	if err != nil || p.num < 64<<10 || bits.OnesCount64(uint64(p.num)) != 1 {
		return Value{}, errors.New("must be the size of a page that the nodes have, a colon and an amount, such as 2Mi:512Mi")
	}
	a, err := parseSize(amount)
	if err != nil || a.num < p.num || a.num%p.num != 0 {
		return Value{}, errors.New("must have a multiple of the page size behind the colon, such as 2Mi:512Mi")
	}
	return Value{Text: p.Text + ":" + a.Text, List: []string{p.Text, a.Text}, names: []string{p.Text + ":" + a.Text}, num: a.num}, nil
}

// hugePages gives each participant the volume and the limit.
func (b *builder) hugePages(r *Request, targets []target) (volume string) {
	const option = "hugepages"
	v := r.Value(option)
	page, amount := v.List[0], resource.NewQuantity(v.num, resource.BinarySI)
	name := corev1.ResourceName(corev1.ResourceHugePagesPrefix + page)
	if whole := b.pod.Spec.Resources; whole != nil && len(whole.Requests)+len(whole.Limits) > 0 {
		b.refuse(invalid(PodConflict, r.path(option), v.Text, "the pod as a whole has resources (spec.resources), of which huge pages are a part; set them there and in its containers yourself"))
		return ""
	}
	before := len(b.problems)
	for _, t := range targets {
		b.hugePageLimit(r, t, name, *amount)
	}
	if len(b.problems) > before {
		return ""
	}
	own := emptyDir(ReservedPrefix+"ipc-hugepages", *amount)
	own.EmptyDir.Medium = corev1.StorageMediumHugePagesPrefix + corev1.StorageMedium(page)
	b.settings = append(b.settings, string(name)+"="+amount.String())
	volume, _ = b.shareVolume(sharing{request: r, option: option, path: hugeDir, targets: targets, own: own, alone: true})
	return volume
}

func (b *builder) hugePageLimit(r *Request, t target, name corev1.ResourceName, amount resource.Quantity) {
	const option = "hugepages"
	text := r.Value(option).Text
	have, limited := t.Resources.Limits[name]
	request, requested := t.Resources.Requests[name]
	switch {
	case limited && have.Cmp(amount) != 0 || requested && request.Cmp(amount) != 0:
		b.refuse(invalid(PodConflict, r.path(option), text, "container %q asks for another amount of %s itself; remove one of the two", t.Name, name))
	case limited:
	case !hasResource(t.Resources, corev1.ResourceCPU) && !hasResource(t.Resources, corev1.ResourceMemory):
		b.refuse(invalid(PodConflict, r.path(option), text, "container %q has no requests of cpu or memory, without which Kubernetes gives no huge pages; set them, or leave the container out (option containers)", t.Name))
	default:
		b.plan.HugePages = append(b.plan.HugePages, HugePageLimit{Container: t.ContainerRef, Resource: name, Limit: amount})
	}
}

// hasResource tells whether a container requests or limits a resource.
func hasResource(r corev1.ResourceRequirements, name corev1.ResourceName) bool {
	_, requested := r.Requests[name]
	_, limited := r.Limits[name]
	return requested || limited
}
