// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// maxOwners bounds how many init containers a pod gets.
const maxOwners = 8

// ipcInit adds an init container for each owner of objects, and the status.
func ipcInit(e *helper.Editor, r *helper.Request, targets []pod.Target, directories []directory, volumes []string) {
	before := len(e.Problems())
	names := helper.TargetNames(targets)
	hp := e.Rules()
	owners := owners(e, r, hp.User())
	var added []helper.Status
	for _, owner := range owners {
		c := corev1.Container{Name: pod.ReservedPrefix + "ipc-init", Args: []string{"ipc-init"}}
		if owner != hp.User() {
			c.Name += fmt.Sprintf("-%d", owner)
			c.SecurityContext = helper.Restricted(hp, owner)
		}
		for _, option := range []string{mqueue, sysv, fifo} {
			for _, o := range objectsOf(r, option) {
				if o.owner(hp.User()) != owner {
					continue
				}
				c.Args = append(c.Args, "--"+option+"="+o.arg)
				if o.path != "" {
					needDirectory(e, r, option, &o, &c, targets, directories)
				}
			}
		}
		status := helper.Status{Helper: r.Helper.Name, Container: c.Name, Containers: names, Reason: r.Reason}
		for _, m := range c.VolumeMounts {
			if pod.Reserved(m.Name) {
				status.Volumes = append(status.Volumes, m.Name)
			}
		}
		status.Volumes = append(status.Volumes, helper.NoTokenVolume)
		if len(e.Problems()) == before {
			e.Container(r, &c, true)
		}
		added = append(added, status)
	}
	if len(e.Problems()) > before {
		return
	}
	if len(added) == 0 {
		added = []helper.Status{{Helper: r.Helper.Name, Containers: names, Reason: r.Reason}}
	}
	for _, name := range slices.Backward(volumes) { // those that no init container mounts as well
		if !slices.Contains(added[0].Volumes, name) {
			added[0].Volumes = slices.Insert(added[0].Volumes, 0, name)
		}
	}
	added[0].Settings = e.Settings()
	e.Report(added...)
}

// owners are the users that objects belong to: the helper's own first.
func owners(e *helper.Editor, r *helper.Request, own int64) []int64 {
	var owners []int64
	for _, option := range []string{mqueue, sysv, fifo} {
		for _, o := range objectsOf(r, option) {
			if owner := o.owner(own); !slices.Contains(owners, owner) {
				owners = append(owners, owner)
			}
		}
		if len(owners) > maxOwners {
			e.Deny(reason.Invalid(reason.TooMany, r.Path(option), len(owners), "is the number of owners, each of which needs an init container; at most %d are considered", maxOwners))
			return nil
		}
	}
	slices.Sort(owners)
	if i := slices.Index(owners, own); i > 0 {
		owners = slices.Insert(slices.Delete(owners, i, i+1), 0, own)
	}
	return owners
}

// needDirectory mounts in the init container what the path of an object lies in.
func needDirectory(e *helper.Editor, r *helper.Request, option string, o *object, c *corev1.Container, targets []pod.Target, directories []directory) {
	f, why := directory{}, ""
	if option == fifo {
		f = directories[slices.IndexFunc(directories, func(f directory) bool { return f.path == path.Dir(o.path) })]
	} else if f, why = commonDirectory(e, r, o.path, targets, directories); why != "" {
		e.Deny(reason.Invalid(reason.PathConflict, r.Path(option), o.name, "%s; ftok(3) makes the key of the file's device and inode, so all participants and Pillion need the same file: "+
			"mount one volume at the same place in each of them, or write the key as a number", why))
		return
	}
	for _, taken := range []string{helper.Program, helper.TokenDir, "/dev", "/etc", "/proc", "/sys"} {
		if pod.Overlap(f.path, taken) {
			e.Deny(reason.Invalid(reason.PathConflict, r.Path(option), o.path, "lies in the mount at %s, and Pillion's own container has something at %s; choose another directory", f.path, taken))
			return
		}
	}
	i := slices.IndexFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return pod.Overlap(m.MountPath, f.path) })
	switch {
	case i < 0:
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: f.volume, MountPath: f.path, ReadOnly: option == sysv})
	case c.VolumeMounts[i].MountPath != f.path:
		e.Deny(reason.Invalid(reason.PathConflict, r.Path(option), o.path, "lies in the mount at %s, which overlaps with the one at %s; use directories beside each other", f.path, c.VolumeMounts[i].MountPath))
	case option == fifo:
		c.VolumeMounts[i].ReadOnly = false
	}
}

// commonDirectory finds the volume that all targets see a path in, at the same place; why
// says which one does not. A container that came after a previous review, which has mounted that volume in
// the init container, is left out.
func commonDirectory(e *helper.Editor, r *helper.Request, at string, targets []pod.Target, directories []directory) (common directory, why string) {
	for i := range directories {
		switch {
		case directories[i].path == at:
			return directories[i], ""
		case pod.Inside(at, directories[i].path):
			return directory{}, fmt.Sprintf("nothing is in the directory %s yet when the key is made (name the directory itself)", directories[i].path)
		}
	}
	earlier := mountedBefore(e.Spec(), at)
	if r.Has(helper.Containers) || !slices.ContainsFunc(targets, func(t pod.Target) bool { return directoryOf(t, at) == earlier }) {
		earlier = directory{}
	}
	var with string // the target whose directory is the common one
	for _, t := range targets {
		covering, twin := coveringMount(t, at)
		if earlier != (directory{}) && directoryOf(t, at) != earlier {
			r.LeaveOut(t.Name)
		}
		if r.LeavesOut(t.Name) {
			continue
		}
		switch {
		case covering == nil:
			return directory{}, fmt.Sprintf("container %q has no volume at %s", t.Name, at)
		case twin != nil:
			return directory{}, fmt.Sprintf("container %q mounts two volumes at %s, %q and %q", t.Name, pod.CleanMount(covering.MountPath), covering.Name, twin.Name)
		case covering.SubPath+covering.SubPathExpr != "":
			return directory{}, fmt.Sprintf("container %q mounts a part of the volume %q there (subPath)", t.Name, covering.Name)
		}
		f := directory{pod.CleanMount(covering.MountPath), covering.Name}
		switch {
		case with != "" && f != common:
			return directory{}, fmt.Sprintf("container %q has the volume %q at %s and container %q the volume %q at %s", with, common.volume, common.path, t.Name, f.volume, f.path)
		case at != f.path && e.Spec().Volume(f.volume).EmptyDir != nil:
			return directory{}, fmt.Sprintf("nothing is in the emptyDir at %s yet when the key is made (name that directory itself)", f.path)
		}
		common, with = f, t.Name
	}
	return common, ""
}

// directoryOf is the one directory that a container sees a path in; none if it sees a part of a
// volume there, or two volumes.
func directoryOf(t pod.Target, at string) directory {
	m, twin := coveringMount(t, at)
	if m == nil || twin != nil || m.SubPath+m.SubPathExpr != "" {
		return directory{}
	}
	return directory{pod.CleanMount(m.MountPath), m.Name}
}

// mountedBefore is the directory that the init container of a previous review sees a path in.
func mountedBefore(s *pod.Spec, at string) directory {
	for i := range s.InitContainers {
		if c := &s.InitContainers[i]; strings.HasPrefix(c.Name, pod.ReservedPrefix+"ipc-init") {
			if f := directoryOf(pod.Target{Container: c}, at); f != (directory{}) {
				return f
			}
		}
	}
	return directory{}
}

// coveringMount is the innermost mount of a container that a path lies in; nil if there
// is none. A twin is a second one at the same place, as "/a" and "/a/" are two paths to
// the API server: which of the two a program sees is the runtime's to say.
func coveringMount(t pod.Target, at string) (covering, twin *pod.VolumeMount) {
	deepest := ""
	for i := range t.VolumeMounts {
		m := &t.VolumeMounts[i]
		there := pod.CleanMount(m.MountPath)
		switch {
		case there != at && !pod.Inside(at, there):
		case there == deepest:
			twin = m
		case len(there) > len(deepest):
			covering, twin, deepest = m, nil, there
		}
	}
	return covering, twin
}
