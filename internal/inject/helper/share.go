// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// Share gives the targets of a request an emptyDir at its mount-path. It returns the
// volume's name and the names of the containers; ok is false if something is in the way.
func (e *Editor) Share(r *Request, at string, readOnly bool, limit resource.Quantity, first bool) (volume string, names []string, ok bool) {
	before := len(e.problems)
	targets := e.Targets(r, first)
	own := EmptyDir(pod.ReservedPrefix+r.Name(), limit)
	volume, ok = e.ShareVolume(Sharing{Request: r, Option: MountPath, Path: at, Targets: targets, ReadOnly: readOnly, Own: own, Content: true})
	return volume, TargetNames(targets), ok && len(e.problems) == before
}

// TargetNames are the names of the containers.
func TargetNames(targets []pod.Target) []string {
	if len(targets) == 0 {
		return nil
	}
	names := make([]string, 0, len(targets))
	for _, t := range targets {
		names = append(names, t.Name)
	}
	return names
}

// ShareVolume gives the targets a volume at a path: one that a target mounts there
// already if it is an emptyDir, a new one otherwise. It returns the volume's name; ok is
// false if something is in the way.
func (e *Editor) ShareVolume(s Sharing) (volume string, ok bool) {
	before := len(e.problems)
	s.Targets, volume = e.agree(s)
	for _, t := range s.Targets {
		e.claim(s, t, volume)
	}
	if len(e.problems) == before {
		e.fill(s, volume)
	}
	if len(e.problems) > before {
		return "", false
	}
	if volume == s.Own.Name {
		e.Volume(s.Own)
	}
	for _, t := range s.Targets {
		e.mount(t, corev1.VolumeMount{Name: volume, MountPath: s.Path, ReadOnly: s.ReadOnly}, volume != s.Own.Name)
	}
	return volume, true
}

// agree finds the volume that the targets share, and those of them that can.
func (e *Editor) agree(s Sharing) (in []pod.Target, volume string) {
	earlier := e.earlier(s)
	volume = cmp.Or(earlier, s.Own.Name)
	var with *pod.Container // the target that has the volume already, which may be without a name
	if earlier != "" {
		with = s.Targets[slices.IndexFunc(s.Targets, func(t pod.Target) bool { return e.has(t, s, earlier) })].Container
	}
	for _, t := range s.Targets {
		if s.Request.LeavesOut(t.Name) {
			continue
		}
		settled := e.has(t, s, earlier)
		have, problem := e.mountAt(s, t, settled)
		switch {
		case problem != nil || have == "":
		case s.Alone && have != s.Own.Name:
			problem = s.conflict("container %q mounts the volume %q there already; remove one of the two%s", t.Name, have, s.Why)
		case with != nil && have != volume:
			problem = s.conflict("container %q mounts the volume %q there and container %q the volume %q; they must share one emptyDir, or take part one at a time (option containers)",
				with.Name, volume, t.Name, have)
		default:
			volume, with = have, t.Container
		}
		if problem != nil {
			e.DenyOrLeaveOut(s.Request, t, earlier != "" && !settled, *problem)
		}
	}
	if len(s.Request.leftOut) == 0 {
		return s.Targets, volume
	}
	return slices.DeleteFunc(slices.Clone(s.Targets), func(t pod.Target) bool { return s.Request.LeavesOut(t.Name) }), volume
}

// mount adds a mount to a target, or renews one of our volume at the same path.
// What the app mounts there itself stays as the app wrote it.
func (e *Editor) mount(t pod.Target, m corev1.VolumeMount, reused bool) {
	want := pod.VolumeMount{Name: m.Name, MountPath: m.MountPath, ReadOnly: m.ReadOnly}
	for i, have := range t.VolumeMounts {
		if pod.CleanMount(have.MountPath) != m.MountPath {
			continue
		}
		if !reused && have != want {
			e.plan.Mounts = append(e.plan.Mounts, plan.Mount{Container: t.Ref, Mount: m, Renew: i})
		}
		return
	}
	e.plan.Mounts = append(e.plan.Mounts, plan.Mount{Container: t.Ref, Mount: m, Renew: plan.Insert})
}

// mountAt finds what a target has at, around and below a path: the name of the volume
// that is mounted exactly there and can be shared; "" if the place is free. A problem says
// why a mount could not work there. In a target that is settled, which got its mount on a
// previous review, others may mount things around it.
func (e *Editor) mountAt(s Sharing, t pod.Target, settled bool) (volume string, problem *reason.Problem) {
	at, own := s.Path, s.Own.Name
	conflict := func(format string, args ...any) (string, *reason.Problem) {
		return "", s.conflict("container %q "+format, append([]any{t.Name}, args...)...)
	}
	for _, device := range t.VolumeDevices {
		if !settled && pod.Overlap(pod.CleanMount(device.DevicePath), at) {
			return conflict("has the block device %q at %s; choose another path", device.Name, device.DevicePath)
		}
	}
	for i := range t.VolumeMounts {
		m := &t.VolumeMounts[i]
		there := pod.CleanMount(m.MountPath)
		if !pod.Overlap(there, at) || settled && there != at {
			continue
		}
		v := e.spec.Volume(m.Name)
		switch {
		case there == at && volume != "": // "/a" and "/a/" are two paths to the API server
			return conflict("mounts two volumes there, %q and %q; remove one of them", volume, m.Name)
		case there == at && m.Name == own:
			volume = own
		case there == at && (v.EmptyDir == nil || pod.Reserved(m.Name)):
			return conflict("mounts the volume %q (%s) there; choose another path, or make that volume an emptyDir to share it", m.Name, v.Kind())
		case there == at && (m.SubPath != "" || m.SubPathExpr != ""):
			return conflict("mounts the volume %q there with a subPath, below which nothing can be published; mount the volume without it", m.Name)
		case there == at:
			volume = m.Name
		case pod.Inside(there, at):
			return conflict("has a mount at %s, inside it; choose a path that contains no other mount", there)
		case m.ReadOnly || v.Fixed() || pod.Reserved(m.Name):
			return conflict("mounts the volume %q at %s, in which no mount point can be made; choose a path outside it", m.Name, there)
		}
	}
	return volume, nil
}

// claim reports two helpers at the same place of a container, or one inside the
// other, or two helpers that would fill the same volume.
func (e *Editor) claim(s Sharing, t pod.Target, volume string) {
	for _, c := range e.claims[t.Ref] {
		if c.request != s.Request && (pod.Overlap(c.path, s.Path) || c.volume == volume) {
			e.Deny(reason.Invalid(reason.PathConflict, s.at(), s.Path, "container %q gets %s from %s at %s already; give each helper a directory of its own",
				t.Name, describe(c.volume), c.request.Name(), c.path))
			break
		}
	}
	if len(e.requests) == 1 {
		return // there is nobody to be in the way of
	}
	if e.claims == nil {
		e.claims = map[pod.Ref][]claim{}
	}
	e.claims[t.Ref] = append(e.claims[t.Ref], claim{s.Request, s.Path, volume})
}

// fill reports two helpers that would fill the same volume for different containers.
func (e *Editor) fill(s Sharing, volume string) {
	for i := range e.shares {
		if other := &e.shares[i]; other.volume == volume && other.request != s.Request {
			e.Deny(reason.Invalid(reason.PathConflict, s.at(), s.Path, "the volume %q is filled by %s already; give each helper a volume of its own", volume, other.request.Name()))
			break
		}
	}
	e.shares = append(e.shares, share{request: s.Request, volume: volume, path: s.Path, content: s.Content, targets: s.Targets})
}

func describe(volume string) string {
	if pod.Reserved(volume) {
		return "its content"
	}
	return "the volume " + volume
}
