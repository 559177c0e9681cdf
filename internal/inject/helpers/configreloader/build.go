// SPDX-License-Identifier: Apache-2.0

package configreloader

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/telling"
)

// watchDir is where the helper sees the watched volumes, each at its number.
const watchDir = "/pillion/watch"

func build(e *helper.Editor, r *helper.Request) {
	before := len(e.Problems())
	targets := e.Targets(r, false)
	c := corev1.Container{
		Args:          []string{r.Helper.Name},
		RestartPolicy: new(corev1.ContainerRestartPolicyAlways),
	}
	var seen seers
	for _, at := range r.Value(watch).List {
		if found, ok := seen.find(e, r, targets, at); ok {
			c.Args = append(c.Args, "--watch="+path.Join(mount(&c, found.Mount), found.Below))
		}
	}
	c.Args = append(c.Args, "--debounce="+r.Value(debounce).Text, "--interval="+r.Value(interval).Text)
	c.Args = append(c.Args, telling.Args(e, r)...)
	if at := e.ServeMetrics(r, &c, false); at != "" {
		c.Args = append(c.Args, "--metrics-listen="+at)
	}
	if len(e.Problems()) > before {
		return
	}
	var volumes []string
	for i := range c.VolumeMounts {
		if name := c.VolumeMounts[i].Name; !slices.Contains(volumes, name) {
			volumes = append(volumes, name)
		}
	}
	e.Container(r, &c, false)
	e.Done(r, volumes, helper.TargetNames(seen))
}

// mount gives the helper's container what the app mounts, once, and is where it sees it.
func mount(c *corev1.Container, m pod.VolumeMount) string {
	for i := range c.VolumeMounts {
		if have := &c.VolumeMounts[i]; have.Name == m.Name && have.SubPath == m.SubPath {
			return have.MountPath
		}
	}
	at := fmt.Sprintf("%s/%d", watchDir, len(c.VolumeMounts))
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: m.Name, SubPath: m.SubPath, MountPath: at, ReadOnly: true})
	return at
}

// seers are the containers that see something that is watched.
type seers []pod.Target

// find finds the volume in which the targets see a path, and denies the pod if they see none
// or several, or one whose changes nobody would see.
func (all *seers) find(e *helper.Editor, r *helper.Request, targets []pod.Target, at string) (found helper.Seen, ok bool) {
	deny := func(format string, args ...any) {
		e.Deny(reason.Invalid(reason.PodConflict, r.Path(watch), at, format, args...))
	}
	var by pod.Target
	for _, t := range targets {
		s, has := e.See(t, at)
		switch {
		case !has:
			continue
		case !ok:
			found, by, ok = s, t, true
		case s.Mount.Name == found.Mount.Name && s.Mount.SubPath == found.Mount.SubPath && s.Below == found.Below:
		case r.Seen(e.Spec()): // it came after a previous review, or its author had been told
			continue
		default:
			deny("is in the volume %q in container %q and in %q in container %q; say which one is meant with the option %s", found.Mount.Name, by.Name, s.Mount.Name, t.Name, helper.Containers)
			return found, false
		}
		all.add(t)
	}
	if !ok {
		if len(targets) > 0 { // or there is another mistake
			deny("is in no volume that %s mounts%s", asked(targets), mounted(e, targets))
		}
		return found, false
	}
	switch m := found.Mount; {
	case m.SubPathExpr != "":
		deny("is in the volume %q, of which container %q mounts a directory that only it knows (subPathExpr); mount the volume without it", m.Name, by.Name)
	case m.SubPath != "" && e.Spec().Volume(m.Name).Projects():
		deny("is in the volume %q, which container %q mounts with a subPath (%s), and Kubernetes never updates such a mount; mount the volume without it", m.Name, by.Name, m.SubPath)
	}
	for _, inside := range e.MountedBelow(by, at) {
		if !slices.Contains(r.Value(watch).List, inside) {
			e.Warn(fmt.Sprintf("%s: %s is another volume; name it in watch as well", r.Name(), inside))
		}
	}
	return found, true
}

func (all *seers) add(t pod.Target) {
	if !slices.ContainsFunc(*all, func(have pod.Target) bool { return have.Ref == t.Ref }) {
		*all = append(*all, t)
	}
}

// asked names the containers that were asked.
func asked(targets []pod.Target) string {
	if len(targets) == 1 {
		return fmt.Sprintf("container %q", targets[0].Name)
	}
	return "any of the containers " + strings.Join(helper.TargetNames(targets), ", ")
}

// mounted says which paths could be meant.
func mounted(e *helper.Editor, targets []pod.Target) string {
	const most = 8
	var paths []string
	for _, t := range targets {
		for _, at := range e.MountedBelow(t, "/") {
			if !slices.Contains(paths, at) {
				paths = append(paths, at)
			}
		}
	}
	switch {
	case len(paths) == 0:
		return "; mount the volume to watch"
	case len(paths) > most:
		paths = append(paths[:most], "…")
	}
	return "; mounted are " + strings.Join(paths, ", ")
}
