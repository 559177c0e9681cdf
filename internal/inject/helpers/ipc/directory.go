// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"fmt"
	"path"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// directorySize bounds a directory of sockets and named pipes, which have no content. A pod
// that exceeds it is evicted, so there is room for a log or a lock file.
const directorySize = "16Mi"

// directory is a directory that the participants share.
type directory struct{ path, volume string }

// ipcDirectories shares the directory for sockets and those of the named pipes.
func ipcDirectories(e *helper.Editor, r *helper.Request, targets []pod.Target) []directory {
	type wish struct{ option, path string }
	var wishes []wish
	want := func(option, at string) {
		if !slices.ContainsFunc(wishes, func(w wish) bool { return w.path == at }) {
			wishes = append(wishes, wish{option, at})
		}
	}
	if r.Has(socket) {
		want(socket, r.Value(socket).Text)
	}
	for _, o := range objectsOf(r, fifo) {
		want(fifo, path.Dir(o.path))
	}
	var directories []directory
	pipes := 0
	for i, w := range wishes {
		for _, other := range wishes[:i] {
			if pod.Overlap(w.path, other.path) {
				e.Deny(reason.Invalid(reason.PathConflict, r.Path(w.option), w.path, "one directory would lie inside the other, %s; use the same directory, or two beside each other", other.path))
				return nil
			}
		}
		name := pod.ReservedPrefix + "ipc-" + w.option
		if w.option == fifo {
			if pipes++; pipes > 1 {
				name += fmt.Sprintf("-%d", pipes)
			}
		}
		own := helper.EmptyDir(name, resource.MustParse(directorySize))
		if volume, ok := e.ShareVolume(helper.Sharing{Request: r, Option: w.option, Path: w.path, Targets: targets, Own: own}); ok {
			directories = append(directories, directory{w.path, volume})
		}
	}
	return directories
}

// group gives the pod the group that is asked for, and warns where containers of
// different users share a directory for sockets without one: to connect is to write, and
// what a program makes is not writable for others as a rule.
func group(e *helper.Editor, r *helper.Request, targets []pod.Target) {
	spec := e.Spec()
	var have *int64
	if spec.SecurityContext != nil {
		have = spec.SecurityContext.FSGroup
	}
	if r.Has(gid) {
		want := r.Value(gid).Int()
		switch {
		case !r.Has(socket) && !r.Has(fifo):
			e.Deny(reason.Invalid(reason.Contradiction, r.Path(gid), r.Value(gid).Text, "is the group of a shared directory, and there is none; set %s", r.Helper.Key("", socket)))
		case have == nil:
			e.FSGroup(want)
		case *have != want:
			e.Deny(reason.Invalid(reason.PodConflict, r.Path(gid), r.Value(gid).Text, "the pod itself sets spec.securityContext.fsGroup to %d, and a pod has one; use that as gid, or remove one of the two", *have))
		}
		e.Setting(fmt.Sprintf("fsGroup=%d", want))
	}
	if !r.Has(socket) || !severalUsers(spec, targets) {
		return
	}
	masked := e.Asked("umask")
	common := have != nil || r.Has(gid) || spec.SecurityContext != nil && len(spec.SecurityContext.SupplementalGroups) > 0
	switch {
	case !common:
		e.Warn("ipc: socket: containers of different users have no common group; set ipc.pillion.dev/gid")
	case !masked:
		e.Warn("ipc: socket: the listening container needs a umask such as 0002 for its group to connect; see start.pillion.dev/umask")
	}
}

// severalUsers reports whether containers say that they run as different users. What
// images say is not known here.
func severalUsers(spec *pod.Spec, targets []pod.Target) bool {
	var users []int64
	for _, t := range targets {
		user := (*int64)(nil)
		if spec.SecurityContext != nil {
			user = spec.SecurityContext.RunAsUser
		}
		if t.SecurityContext != nil && t.SecurityContext.RunAsUser != nil {
			user = t.SecurityContext.RunAsUser
		}
		if user != nil && !slices.Contains(users, *user) {
			users = append(users, *user)
		}
	}
	return len(users) > 1
}
