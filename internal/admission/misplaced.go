// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"maps"
	"slices"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// misplacedLabels says that labels do nothing. annotations is where they would do something as
// annotations.
func misplacedLabels(a *advice, keys []string, kind, annotations string) {
	if len(keys) == 0 {
		return
	}
	if i := slices.Index(keys, inject.PolicyLabel); i >= 0 {
		a.sayOf(inject.PolicyLabel, "the label %s does nothing on a %s; it belongs on the Namespace", inject.PolicyLabel, kind)
		keys = slices.Delete(slices.Clone(keys), i, i+1)
	}
	switch len(keys) {
	case 0:
	case 1:
		a.sayOf(keys[0], "the label %s does nothing; write it as an annotation, in %s", keys[0], annotations)
	default:
		a.sayOf(keys[0], "the label %s and %d more do nothing; write them as annotations, in %s", keys[0], len(keys)-1, annotations)
	}
}

// misplacedOn says what the keys of an object without pods do: nothing, but for the label by
// which a Namespace picks its policy.
func misplacedOn(a *advice, kind string, now, before *keyed) {
	labels, annotations := oursIn(now.Metadata.Labels, before.Metadata.Labels), oursIn(now.Metadata.Annotations, before.Metadata.Annotations)
	if kind == "Namespace" {
		labels = slices.DeleteFunc(labels, func(key string) bool { return key == inject.PolicyLabel })
		if i := slices.Index(annotations, inject.PolicyLabel); i >= 0 {
			a.sayOf(inject.PolicyLabel, "the annotation %s does nothing on a Namespace; write it as a label", inject.PolicyLabel)
			annotations = slices.Delete(annotations, i, i+1)
		}
		if len(labels) > 0 && nearmiss.Nearest(labels[0], []string{inject.PolicyLabel}) != "" {
			a.sayOf(labels[0], "the label %s does nothing; did you mean %s?", labels[0], inject.PolicyLabel)
			labels = labels[1:]
		}
	}
	keys := slices.Concat(annotations, labels)
	slices.Sort(keys)
	if keys = slices.Compact(keys); len(keys) > 0 {
		a.sayOf(keys[0], "%s on a %s; annotations of Pillion belong on the pod template of a workload", nothing(keys), kind)
	}
}

// misplacedOnPod says what a pod's labels do, and annotations that come when it is there.
func misplacedOnPod(a *advice, now, before *keyed, exists bool) {
	misplacedLabels(a, oursIn(now.Metadata.Labels, before.Metadata.Labels), "Pod", "metadata.annotations")
	if late := oursIn(now.Metadata.Annotations, before.Metadata.Annotations); exists && len(late) > 0 {
		a.sayOf(late[0], "%s in a pod that exists: annotations are read when a pod is created; change its template, or recreate it", nothing(late))
	}
}

// Misplaced warns of keys of ours where nothing reads them, in the words that the API server
// shows the author of the object. kind is any kind of object.
func Misplaced(known *helper.Set, document []byte, kind string) ([]string, error) {
	a, err := misplaced(known, document, kind, (*workload).misplaced)
	return a.lines(), err
}

// Stray is a key of ours that nobody reads where it is, or one that was meant to be ours, and what
// to do about it.
type Stray struct{ Key, Text string }

// Strays is [Misplaced] without the annotations of a workload itself, in whole sentences.
func Strays(known *helper.Set, document []byte, kind string) ([]Stray, error) {
	a, err := misplaced(known, document, kind, func(*workload) []string { return nil })
	return a.sentences, err
}

func misplaced(known *helper.Set, document []byte, kind string, keys func(*workload) []string) (a advice, err error) {
	now, err := readKeyed(document, "object")
	if err != nil {
		return a, err
	}
	if kind == "Pod" {
		misplacedOnPod(&a, now, &keyed{}, false)
		a.mistypedDomains(known, now.Metadata.Annotations)
		return a, nil
	}
	w, err := decodeWorkload(known, document, kind)
	if err != nil {
		return a, err
	}
	if len(w.templates) == 0 {
		misplacedOn(&a, kind, now, &keyed{})
		return a, nil
	}
	w.misplace(&a, kind, keys(w))
	w.warnMistypedDomains(&a)
	return a, nil
}

// place is where annotations of the workload belong, for a message.
func (w *workload) place() string {
	return w.templates[0].at.Path().Child("metadata", "annotations").String()
}

// misplace says which keys of the workload do nothing.
func (w *workload) misplace(a *advice, kind string, misplaced []string) {
	if len(misplaced) > 0 {
		a.sayOf(misplaced[0], "%s on the %s itself; move to %s", nothing(misplaced), kind, w.place())
	}
	misplacedLabels(a, w.labels(), kind, w.place())
}

// labels are the labels that are meant for us, of the workload and of all that it makes.
func (w *workload) labels() []string {
	all := maps.Clone(w.Metadata.Labels)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, w.Spec.JobTemplate.Metadata.Labels)
	for i := range w.templates {
		maps.Copy(all, w.templates[i].labels)
	}
	return oursIn(all, nil)
}
