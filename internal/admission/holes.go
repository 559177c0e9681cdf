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

// holesBehind are the holes that stand behind each occurrence of a text in a part of a review,
// which begins at an offset. ok is false if something else stands there, or something else
// than the right text before it.
func holesBehind(before, text string, like hole, part []byte, offset int) (holes []hole, ok bool) {
	for from := 0; ; {
		next := bytes.Index(part[from:], []byte(text))
		if next < 0 {
			return holes, true
		}
		from += next
		ok := bytes.HasSuffix(part[:from], []byte(before))
		from += len(text)
		end := from + like.size
		if !ok || end >= len(part) || part[end] != '"' || !like.fits(part[from:end]) {
			return nil, false
		}
		holes = append(holes, hole{offset + from, like.size, like.kind})
		from = end
	}
}

// holesOf are the holes in a review whose pod has a key, that of the uid first. ok is false if
// there is no telling where they are.
func holesOf(body []byte, req *request) (holes []hole, ok bool) {
	uid := hole{req.uidEnd - len(`"`) - len(req.UID), len(req.UID), uidOfReview}
	object := req.objectEnd - len(req.Object)
	at, end := managedFields(req.Object)
	times, ok := holesBehind("", `"time":"`, hole{size: appliedSize, kind: applied}, req.Object[at:end], object+at)
	names, ok2 := drawnNames(body, object, req.pod)
	if !ok || !ok2 || uid.at > object || string(uid.text(body)) != string(req.UID) || !uid.fits(uid.text(body)) {
		return nil, false
	}
	holes = slices.Concat([]hole{uid}, times, names)
	slices.SortFunc(holes, func(a, b hole) int { return a.at - b.at })
	return holes, true
}

// withoutDrawnName takes the drawn name out of the key of a pod's view, in place. ok is false if
// pods with this key could differ in more than that.
func withoutDrawnName(key []byte, of *pod.Pod) (ok bool) {
	names, ok := drawnNames(key, 0, of)
	for i := range names {
		clear(names[i].text(key)) // no text of JSON has such a byte
	}
	return ok
}

// drawnNames are the holes in a text, all behind an offset, with the name that was drawn for a
// pod's volume. ok is false unless the names are those of one projected volume and of its
// mounts, and nowhere else in the text.
func drawnNames(text []byte, offset int, of *pod.Pod) (names []hole, ok bool) {
	names, ok = holesBehind(`"name":"`, drawnPrefix, hole{size: drawnSize, kind: drawnName}, text, 0)
	if !ok || len(names) == 0 || names[0].at < offset {
		return nil, ok && len(names) == 0
	}
	name := drawnPrefix + string(names[0].text(text))
	spec, volumes, mounts := &of.Spec, 0, 0
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
	return names, volumes == 1 && mounts == len(names)-1 && !unusualEscapes(text)
}

// repeatsDrawnName tells whether an answer has a name that was drawn for the pod.
func repeatsDrawnName(out *Outcome) bool {
	return bytes.Contains(out.Patch, []byte(drawnPrefix)) || strings.Contains(strings.Join(out.Warnings, ""), drawnPrefix)
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
