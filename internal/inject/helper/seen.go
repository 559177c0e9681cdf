// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// Seen is where a container of the app has a path: in a volume, and where in that.
type Seen struct {
	Mount pod.VolumeMount // the app's own, or the one that another helper adds
	Below string          // the path below the mount; "" for the mount itself
}

// See finds the volume in which a container of the app sees a path. Helpers that share a
// volume have to be built before: see [Helper.Ahead].
func (e *Editor) See(t pod.Target, path string) (s Seen, ok bool) {
	for _, m := range e.mountsOf(t) {
		at := pod.CleanMount(m.MountPath)
		if (at == path || pod.Inside(path, at)) && (!ok || len(at) > len(pod.CleanMount(s.Mount.MountPath))) {
			s, ok = Seen{m, strings.TrimPrefix(strings.TrimPrefix(path, at), "/")}, true
		}
	}
	return s, ok
}

// MountedBelow are the paths below a path at which a container of the app has other mounts.
func (e *Editor) MountedBelow(t pod.Target, path string) (paths []string) {
	for _, m := range e.mountsOf(t) {
		if at := pod.CleanMount(m.MountPath); pod.Inside(at, path) {
			paths = append(paths, at)
		}
	}
	return paths
}

// mountsOf are the mounts that a container of the app has, and those that helpers give it.
func (e *Editor) mountsOf(t pod.Target) []pod.VolumeMount {
	mounts := t.VolumeMounts
	for i := range e.shares {
		for _, other := range e.shares[i].targets {
			if other.Ref == t.Ref {
				mounts = append(slices.Clip(mounts), pod.VolumeMount{Name: e.shares[i].volume, MountPath: e.shares[i].path})
			}
		}
	}
	return mounts
}
