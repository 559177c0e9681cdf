// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"slices"
	"sync"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// A later webhook can add containers to a pod that is injected already. Pillion reviews the
// pod again, and must not deny what it has admitted: a container that came later takes part
// if that works, and is left out otherwise. What tells such a review from the first one is in
// the pod itself, and no proof: docs/design/0027 says why an author who forges it gains nothing.

// earlier is the volume that a previous review gave to containers at the path, and that one
// of the targets still has there as the plan writes it; "" if there is none, as on a first
// review.
func (e *Editor) earlier(s Sharing) (volume string) {
	// Asked once at most: a pod may have very many volumes and mounts.
	own := sync.OnceValue(func() bool { return e.spec.Volume(s.Own.Name).EmptyDir != nil })
	for _, t := range s.Targets {
		for i := range t.VolumeMounts {
			m := &t.VolumeMounts[i]
			if !s.right(m, m.Name) {
				continue
			}
			if m.Name == s.Own.Name && own() || !s.Alone && !pod.Reserved(m.Name) && e.ourMount(m.Name) {
				return m.Name
			}
		}
	}
	return ""
}

// Before reports whether a previous review has given containers the volume.
func (e *Editor) Before(s Sharing) bool { return e.earlier(s) != "" }

// has reports whether a target mounts a volume as the plan writes it. How the app mounts a
// volume of its own is the app's business.
func (e *Editor) has(t pod.Target, s Sharing, volume string) bool {
	return volume != "" && slices.ContainsFunc(t.VolumeMounts, func(m pod.VolumeMount) bool { return s.right(&m, volume) })
}

// ourMount reports whether a container of ours mounts a volume.
func (e *Editor) ourMount(volume string) bool {
	if e.ourMounts == nil {
		e.ourMounts = map[string]bool{}
		for i := range e.spec.InitContainers {
			if c := &e.spec.InitContainers[i]; pod.Reserved(c.Name) {
				for j := range c.VolumeMounts {
					e.ourMounts[c.VolumeMounts[j].Name] = true
				}
			}
		}
	}
	return e.ourMounts[volume]
}

// DenyOrLeaveOut is for what is in the way of a target. A container that came after a previous review is
// left out; one that is named, by the pod or its policy, was there and is denied.
func (e *Editor) DenyOrLeaveOut(r *Request, t pod.Target, later bool, p reason.Problem) {
	if later && !r.Has(Containers) {
		r.LeaveOut(t.Name)
		return
	}
	e.Deny(p)
}

// Seen reports whether the pod has a container or a volume of the request already, as on a
// review after the first.
func (r *Request) Seen(s *pod.Spec) bool {
	return slices.ContainsFunc(s.InitContainers, func(c pod.Container) bool { return r.owns(c.Name) }) ||
		slices.ContainsFunc(s.Volumes, func(v pod.Volume) bool { return r.owns(v.Name) })
}

// Joined reports whether a container mounts a volume that a container of the request mounts,
// or one of the request's own.
func (r *Request) Joined(s *pod.Spec, c *pod.Container) bool {
	return slices.ContainsFunc(c.VolumeMounts, func(m pod.VolumeMount) bool {
		return r.owns(m.Name) || slices.ContainsFunc(s.InitContainers, func(ours pod.Container) bool {
			return r.owns(ours.Name) && slices.ContainsFunc(ours.VolumeMounts, func(o pod.VolumeMount) bool { return o.Name == m.Name })
		})
	})
}

// owns reports whether a name is that of a container or volume of the request: its own, or one
// of several that a helper without instances has.
func (r *Request) owns(name string) bool {
	own := pod.ReservedPrefix + r.Name()
	return name == own || r.Helper.Single && len(name) > len(own) && name[:len(own)+1] == own+"-"
}
