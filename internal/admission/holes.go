// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// hole is a place in a review at which the pods of a template differ, although nothing is
// decided by it. What may fill it means nothing in JSON.
type hole struct {
	at, size int
	kind     holeKind
}

type holeKind int

const (
	// uidOfReview is repeated in the answer.
	uidOfReview holeKind = iota
	// drawnName is what the ServiceAccount admission plugin draws for the volume with the token
	// of each pod, and for the mounts of it (k8s.io/kubernetes, plugin/pkg/admission/serviceaccount).
	drawnName
	// applied is when a field manager has written, to the second. Nothing is read of managedFields.
	applied
)

const (
	drawnPrefix = "kube-api-access-"
	drawnSize   = 5
	appliedSize = len("2026-01-01T00:00:00Z")
)

func (h *hole) text(review []byte) []byte { return review[h.at : h.at+h.size] }

// fits reports whether a string can be in the hole.
func (h *hole) fits(text []byte) bool {
	for _, c := range text {
		small, digit := 'a' <= c && c <= 'z', '0' <= c && c <= '9'
		switch h.kind {
		case uidOfReview:
			if !small && !digit && c != '-' {
				return false
			}
		case drawnName:
			if !small && !digit {
				return false
			}
		case applied:
			if !digit && c != '-' && c != ':' && c != 'T' && c != 'Z' {
				return false
			}
		}
	}
	return true
}

// holesBehind are the holes that stand behind a string in a part of a review, which begins at
// an offset. ok is false if something else stands behind it.
func holesBehind(before string, like hole, part []byte, offset int) (holes []hole, ok bool) {
	for from := 0; ; {
		next := bytes.Index(part[from:], []byte(before))
		if next < 0 {
			return holes, true
		}
		from += next + len(before)
		end := from + like.size
		if end >= len(part) || part[end] != '"' || !like.fits(part[from:end]) {
			return nil, false
		}
		holes = append(holes, hole{offset + from, like.size, like.kind})
		from = end
	}
}

// holesOf are the holes in a review that was answered, that of the uid first. ok is false if
// the answer is for this pod alone: it repeats a name that was drawn for it, or the kubelet
// asks.
func holesOf(body []byte, req *request, out *Outcome) (holes []hole, ok bool) {
	if _, mirror := out.Pod.Metadata.Annotations[pod.MirrorAnnotation]; mirror {
		return nil, false
	}
	uid := hole{req.uidEnd - len(`"`) - len(req.UID), len(req.UID), uidOfReview}
	object := req.objectEnd - len(req.Object)
	at, end := managedFields(req.Object)
	times, ok := holesBehind(`"time":"`, hole{size: appliedSize, kind: applied}, req.Object[at:end], object+at)
	names, ok2 := holesBehind(`"name":"`+drawnPrefix, hole{size: drawnSize, kind: drawnName}, req.Object, object)
	if !ok || !ok2 || uid.at > object || string(uid.text(body)) != string(req.UID) || !uid.fits(uid.text(body)) || !namesOneVolume(body, names, out) {
		return nil, false
	}
	holes = slices.Concat([]hole{uid}, times, names)
	slices.SortFunc(holes, func(a, b hole) int { return a.at - b.at })
	return holes, true
}

// namesOneVolume reports whether the names are those of one projected volume and of its mounts,
// are nowhere else in the review, and not in the answer.
func namesOneVolume(body []byte, names []hole, out *Outcome) bool {
	prefix := []byte(drawnPrefix)
	if bytes.Count(body, prefix) != len(names) || bytes.Contains(out.Patch, prefix) || strings.Contains(strings.Join(out.Warnings, ""), drawnPrefix) {
		return false
	}
	if len(names) == 0 {
		return true
	}
	name := drawnPrefix + string(names[0].text(body))
	spec, volumes, mounts := &out.Pod.Spec, 0, 0
	for i := range spec.Volumes {
		if v := &spec.Volumes[i]; v.Name == name && v.Projected != nil {
			volumes++
		}
	}
	for _, list := range [][]pod.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			for j := range list[i].VolumeMounts {
				if list[i].VolumeMounts[j].Name == name {
					mounts++
				}
			}
		}
	}
	return volumes == 1 && mounts == len(names)-1 && !unusualEscapes(body)
}

// unusualEscapes reports whether JSON has escapes that encoding/json does not write, and so the
// API server does not: a name could be hidden in them.
func unusualEscapes(text []byte) bool {
	for {
		_, after, found := bytes.Cut(text, []byte(`\u`))
		if !found {
			return false
		}
		if !slices.ContainsFunc([]string{"003c", "003e", "0026", "2028", "2029"}, func(usual string) bool { return bytes.HasPrefix(after, []byte(usual)) }) {
			return true
		}
		text = after
	}
}

var errFound = errors.New("found")

// managedFields is where a pod's managed fields are; nowhere if it has none.
func managedFields(object []byte) (start, end int) {
	dec := jsonscan.New(object)
	defer dec.Release()
	_ = jsonscan.EachMember(dec, func(name []byte) error { // what it cannot read has been denied
		if string(name) != "metadata" {
			return jsonscan.Skip(dec)
		}
		err := jsonscan.EachMember(dec, func(name []byte) error {
			if string(name) != "managedFields" {
				return jsonscan.Skip(dec)
			}
			before := dec.InputOffset()
			err := jsonscan.Skip(dec)
			start, end = int(jsonscan.Start(object, before)), int(dec.InputOffset())
			return errors.Join(err, errFound)
		})
		return errors.Join(err, errFound)
	})
	return start, end
}
