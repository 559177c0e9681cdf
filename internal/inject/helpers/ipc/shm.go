// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

const shmDir = "/dev/shm"

// podShm is what all containers of a pod share at /dev/shm if nothing is mounted there:
// containerd's and CRI-O's default.
const podShm = 64 << 20

// sharedMemory mounts a volume in memory at /dev/shm of every participant.
func sharedMemory(e *helper.Editor, r *helper.Request, targets []pod.Target) (volume string) {
	size := resource.NewQuantity(r.Value(shm).Bytes(), resource.BinarySI)
	if size.Value() <= podShm {
		e.Warn("ipc: every pod has 64Mi at /dev/shm, so shm " + size.String() + " changes nothing")
		return ""
	}
	own := helper.EmptyDir(pod.ReservedPrefix+"ipc-shm", *size)
	own.EmptyDir.Medium = corev1.StorageMediumMemory
	if there, ok := ownShm(e, r, targets, own.Name); !ok || there != "" {
		return ""
	}
	warnShm(e, *size, targets)
	volume, _ = e.ShareVolume(helper.Sharing{Request: r, Option: shm, Path: shmDir, Targets: targets, Own: own, Alone: true})
	return volume
}

// ownShm finds the memory that participants mount at /dev/shm themselves. It stays theirs, and
// a container that does not mount the same is denied, since it would share nothing with them. Where a
// previous review has mounted ours, a container with another one came later.
func ownShm(e *helper.Editor, r *helper.Request, targets []pod.Target, ours string) (volume string, ok bool) {
	var first, without string // containers
	var disk *pod.Target
	for i, t := range targets {
		m := mountedAt(t, shmDir)
		switch {
		case m != nil && m.Name == ours:
			return "", true
		case m == nil:
			without = t.Name
		case !inMemory(e, m):
			disk, without = &targets[i], t.Name
		case volume == "":
			first, volume = t.Name, m.Name
		case volume != m.Name:
			without = t.Name
		}
	}
	switch {
	case volume == "" && disk != nil:
		e.Deny(reason.Invalid(reason.PathConflict, r.Path(shm), r.Value(shm).Text,
			"container %q mounts the volume %q at /dev/shm itself; remove that mount, or mount one emptyDir with medium Memory there in every container that takes part", disk.Name, mountedAt(*disk, shmDir).Name))
		return "", false
	case volume == "":
		return "", true
	case without != "":
		e.Warn(fmt.Sprintf("ipc: shm changes nothing: %.24s mounts memory of its own at /dev/shm, which %.24s does not share", first, without))
	default:
		e.Warn("ipc: the containers share memory at /dev/shm already, so shm changes nothing")
	}
	return volume, true
}

// inMemory reports whether a mount is that of a whole volume in memory.
func inMemory(e *helper.Editor, m *pod.VolumeMount) bool {
	v := e.Spec().Volume(m.Name)
	return v.EmptyDir != nil && v.EmptyDir.Medium == corev1.StorageMediumMemory && m.SubPath+m.SubPathExpr == ""
}

// mountedAt is the mount of a container at a path; nil if there is none.
func mountedAt(t pod.Target, at string) *pod.VolumeMount {
	for i := range t.VolumeMounts {
		if pod.CleanMount(t.VolumeMounts[i].MountPath) == at {
			return &t.VolumeMounts[i]
		}
	}
	return nil
}

// warnShm says that the memory cannot be filled: who writes pays, and what is written
// outlives the container, so a container that ran out of memory runs out of it again.
func warnShm(e *helper.Editor, size resource.Quantity, targets []pod.Target) {
	var sum resource.Quantity
	if whole := e.Spec().Resources; whole != nil && !whole.Limits.Memory().IsZero() {
		sum = *whole.Limits.Memory()
	} else {
		for _, t := range targets {
			if t.Init && !t.Restartable() {
				continue
			}
			limit := t.Resources.Limits.Memory()
			if limit.IsZero() {
				return
			}
			sum.Add(*limit)
		}
	}
	if !sum.IsZero() && size.Cmp(sum) > 0 {
		e.Warn(fmt.Sprintf("ipc: shm %s is more than the memory limits together, %s; a container that fills it is killed", size.String(), sum.String()))
	}
}
