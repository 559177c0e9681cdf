// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
)

// causes says why a pod that asks has nothing: the first cause that can still be seen.
func (c *Cluster) causes(p *PodIn) Finding {
	if f := c.reach(p.Labels); f != nil {
		return *f
	}
	if when, later := annotatedLater(p); later {
		return Finding{
			Code: AnnotatedLater, Problem: true,
			Text: fmt.Sprintf("the annotations were written at %s and the pod was made at %s; helpers are added only when a pod is created", stamp(when), stamp(p.CreationTimestamp.Time)),
			Fix:  "put the annotations where the pod comes from, then " + remake(p),
		}
	}
	entries := c.entries()
	if len(entries) == 0 {
		return Finding{Code: NotInjected, Problem: true, Text: "the pod requests a helper and has none", Fix: remake(p)}
	}
	oldest := entries[0]
	for _, w := range entries {
		if w.Created.Before(oldest.Created) {
			oldest = w
		}
	}
	switch {
	case p.CreationTimestamp.Time.Before(oldest.Created):
		return Finding{
			Code: PodOlderThanWebhook, Problem: true,
			Text: fmt.Sprintf("the pod was made at %s, before the webhook (%s, %s)", stamp(p.CreationTimestamp.Time), oldest.Configuration, stamp(oldest.Created)),
			Fix:  remake(p),
		}
	case oldest.Ignore:
		return Finding{
			Code: FailurePolicyIgnore, Problem: true,
			Text: "failurePolicy of " + oldest.Name + " is Ignore: while the webhook is down, pods are made without their helpers",
			Fix:  "set failurePolicy: Fail, as config/webhook does; then " + remake(p),
		}
	}
	return Finding{
		Code: NotInjected, Problem: true,
		Text: "the pod requests a helper and has none: its annotations came after Pillion was called, or another webhook took everything away",
		Fix:  remake(p),
	}
}

// remake says how to get a new pod.
func remake(p *PodIn) string {
	if owner := metav1.GetControllerOf(&p.Pod); owner != nil {
		return "delete the pod: its " + owner.Kind + " makes a new one"
	}
	return "delete the pod and create it again"
}

// annotatedLater reports whether all of the pod's annotations of ours were written after
// it had been made, as kubectl annotate does.
func annotatedLater(p *PodIn) (when time.Time, later bool) {
	written := writtenLater(p)
	for key := range p.Annotations {
		if !inject.Asks(map[string]string{key: ""}) {
			continue
		}
		at, is := written[key]
		if !is {
			return time.Time{}, false
		}
		when = at
	}
	return when, !when.IsZero()
}

// writtenLater are the annotations of ours that were written after the pod had been made, with
// the time. managedFields tell who wrote what, when.
func writtenLater(p *PodIn) map[string]time.Time {
	const grace = 2 * time.Second // times are of whole seconds
	later := map[string]time.Time{}
	for _, m := range p.ManagedFields {
		var fields struct {
			Metadata struct {
				Annotations map[string]json.RawMessage `json:"f:annotations"`
			} `json:"f:metadata"`
		}
		if m.FieldsV1 == nil || m.Time == nil || m.Time.Time.Before(p.CreationTimestamp.Add(grace)) || json.Unmarshal(m.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		for field := range fields.Metadata.Annotations {
			key := strings.TrimPrefix(field, "f:")
			if _, has := p.Annotations[key]; has && inject.Asks(map[string]string{key: ""}) {
				later[key] = m.Time.Time
			}
		}
	}
	return later
}

// keysWrittenLater is [writtenLater] for a string.
func keysWrittenLater(p *PodIn) []string {
	written := writtenLater(p)
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(written)) {
		texts = append(texts, fmt.Sprintf("%s was written at %s", key, stamp(written[key])))
	}
	return texts
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// labelsOf are the labels of the pod or pod template in a document.
func labelsOf(document []byte, at admission.Template) map[string]string {
	var o any
	if json.Unmarshal(document, &o) != nil {
		return nil
	}
	for _, token := range at.Tokens() {
		o = member(o, token)
	}
	found := map[string]string{}
	labels, _ := member(member(o, "metadata"), "labels").(map[string]any)
	for key, value := range labels {
		found[key], _ = value.(string)
	}
	return found
}

// member is a member of an object; nil if it has none.
func member(o any, name string) any {
	object, _ := o.(map[string]any)
	return object[name]
}

// notPillions is the finding about a status that is not as Pillion writes it. Nothing of it
// is repeated.
func (p *PodIn) notPillions() *Finding {
	if _, has := p.Annotations[inject.StatusAnnotation]; !has || p.status != nil {
		return nil
	}
	return &Finding{
		Code: ForeignStatus, Problem: true,
		Text: "the annotation " + inject.StatusAnnotation + " was not written by Pillion: it does not have the form that Pillion gives it, so nothing in it is shown or believed",
		Fix:  "take the annotation out of what makes the pod, then " + remake(p),
	}
}
