// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// target is a container of the app that takes part in a helper's work.
type target struct {
	ContainerRef
	*Container
}

// claim remembers that a helper uses a volume at a path of one container.
type claim struct {
	request *Request
	path    string
	volume  string
}

// sharing is one volume that containers of the app see at one path.
type sharing struct {
	request  *Request
	option   string // whose annotation the errors name
	path     string
	targets  []target
	readOnly bool
	own      corev1.Volume // what they get unless they mount something there already that can be shared
	alone    bool          // nothing that they mount there can be
	why      string        // nothing can be, for the error; may be empty
}

// share gives the targets of a request an emptyDir at its mount-path. It returns the
// volume's name and the names of the containers; ok is false if something is in the way.
func (b *builder) share(r *Request, at string, readOnly bool, limit resource.Quantity, first bool) (volume string, names []string, ok bool) {
	before := len(b.problems)
	targets := b.targets(r, first)
	own := emptyDir(ReservedPrefix+r.Name(), limit)
	volume, ok = b.shareVolume(sharing{request: r, option: mountPath, path: at, targets: targets, readOnly: readOnly, own: own})
	return volume, targetNames(targets), ok && len(b.problems) == before
}

func targetNames(targets []target) []string {
	if len(targets) == 0 {
		return nil
	}
	names := make([]string, 0, len(targets))
	for _, t := range targets {
		names = append(names, t.Name)
	}
	return names
}

// shareVolume gives the targets a volume at a path: one that a target mounts there
// already if it is an emptyDir, a new one otherwise. It returns the volume's name; ok is
// false if something is in the way.
func (b *builder) shareVolume(s sharing) (volume string, ok bool) {
	before := len(b.problems)
	own := s.own.Name
	volume = own
	var with string // the target that has the volume already
	for _, t := range s.targets {
		have := b.mountAt(s, t)
		switch {
		case have == "":
		case s.alone && have != own:
			b.refuse(invalid(PathConflict, s.at(), s.path, "container %q mounts the volume %q there already; remove one of the two%s", t.Name, have, s.why))
		case with != "" && have != volume:
			b.refuse(invalid(PathConflict, s.at(), s.path,
				"container %q mounts the volume %q there and container %q the volume %q; they must share one emptyDir, or take part one at a time (option containers)",
				with, volume, t.Name, have))
		default:
			volume, with = have, t.Name
		}
	}
	for _, t := range s.targets {
		b.claim(s, t, volume)
	}
	if len(b.problems) == before {
		b.fill(s, volume)
	}
	if len(b.problems) > before {
		return "", false
	}
	if volume == own {
		b.volume(s.own)
	}
	for _, t := range s.targets {
		b.mount(t, corev1.VolumeMount{Name: volume, MountPath: s.path, ReadOnly: s.readOnly}, volume != own)
	}
	return volume, true
}

// at is the field that asks for the volume.
func (s *sharing) at() *field.Path { return s.request.path(s.option) }

// mount adds a mount to a target, or renews one of our volume at the same path.
// What the app mounts there itself stays as the app wrote it.
func (b *builder) mount(t target, m corev1.VolumeMount, reused bool) {
	want := VolumeMount{Name: m.Name, MountPath: m.MountPath, ReadOnly: m.ReadOnly}
	for i, have := range t.VolumeMounts {
		if cleanMount(have.MountPath) != m.MountPath {
			continue
		}
		if !reused && have != want {
			b.plan.Mounts = append(b.plan.Mounts, HelperMount{Container: t.ContainerRef, Mount: m, Renew: i})
		}
		return
	}
	b.plan.Mounts = append(b.plan.Mounts, HelperMount{Container: t.ContainerRef, Mount: m, Renew: Insert})
}

// targets are the containers that the option containers names, or every container of
// the app. Our own helpers never are.
func (b *builder) targets(r *Request, first bool) []target {
	spec := &b.pod.Spec
	if !r.Has(containers) {
		all := make([]target, 0, len(spec.Containers))
		for i := range spec.Containers {
			if !Reserved(spec.Containers[i].Name) {
				all = append(all, target{ContainerRef{Index: i}, &spec.Containers[i]})
			}
		}
		return all
	}
	var named []target
	for _, name := range r.Value(containers).List {
		t, ok := b.participant(r, name)
		switch {
		case !ok:
		case t.Init && !t.restartable() && t.Index < b.start(r, first):
			b.refuse(invalid(UnknownContainer, r.path(containers), name,
				"this init container has ended before %s starts%s", r.Helper.Name, firstHint(r)))
		default:
			named = append(named, t)
		}
	}
	return named
}

// participant finds a container that the option containers names.
func (b *builder) participant(r *Request, name string) (target, bool) {
	spec := &b.pod.Spec
	t, found := spec.find(name)
	switch {
	case !found:
		b.refuse(invalid(UnknownContainer, r.path(containers), name, "the pod has no container of this name%s",
			didYouMean(Nearest(name, spec.names()))))
	case Reserved(name):
		b.refuse(invalid(UnknownContainer, r.path(containers), name, "is a helper; only containers of the app can take part"))
		return target{}, false
	}
	return t, found
}

// start is the index among the init containers before which the helper starts.
func (b *builder) start(r *Request, first bool) int {
	if i := b.pod.Spec.initContainer(ReservedPrefix + r.Name()); i != Insert {
		return i
	}
	if first {
		return 0
	}
	return len(b.pod.Spec.InitContainers)
}

func firstHint(r *Request) string {
	switch {
	case r.Helper.Option(position) == nil:
		return "; only containers that run beside it can take part"
	case r.Value(position).Text == "first": // a helper that is there keeps its place
		return ", which is in the pod behind it already"
	}
	return "; set " + r.Helper.Key(r.Instance, position) + " to \"first\""
}

// initContainer is the index of an init container; Insert if there is none of the name.
func (s *Spec) initContainer(name string) int {
	for i := range s.InitContainers {
		if s.InitContainers[i].Name == name {
			return i
		}
	}
	return Insert
}

func (s *Spec) find(name string) (target, bool) {
	for i := range s.Containers {
		if s.Containers[i].Name == name {
			return target{ContainerRef{Index: i}, &s.Containers[i]}, true
		}
	}
	for i := range s.InitContainers {
		if s.InitContainers[i].Name == name {
			return target{ContainerRef{Init: true, Index: i}, &s.InitContainers[i]}, true
		}
	}
	return target{}, false
}

func (s *Spec) names() []string {
	names := make([]string, 0, s.apps())
	for _, list := range [][]Container{s.Containers, s.InitContainers} {
		for i := range list {
			if !Reserved(list[i].Name) {
				names = append(names, list[i].Name)
			}
		}
	}
	return names
}

// apps counts the containers and init containers of the app.
func (s *Spec) apps() int {
	n := 0
	for _, list := range [][]Container{s.Containers, s.InitContainers} {
		for i := range list {
			if !Reserved(list[i].Name) {
				n++
			}
		}
	}
	return n
}

// mountAt finds what a target has at, around and below a path: the name of the volume
// that is mounted exactly there and can be shared; "" if the place is free, or if a mount
// could not work there, which has then been reported.
func (b *builder) mountAt(s sharing, t target) (volume string) {
	at, own := s.path, s.own.Name
	conflict := func(format string, args ...any) string {
		args = append([]any{t.Name}, args...)
		b.refuse(invalid(PathConflict, s.at(), at, "container %q "+format, args...))
		return ""
	}
	for _, device := range t.VolumeDevices {
		if overlap(cleanMount(device.DevicePath), at) {
			return conflict("has the block device %q at %s; choose another path", device.Name, device.DevicePath)
		}
	}
	for i := range t.VolumeMounts {
		m := &t.VolumeMounts[i]
		there := cleanMount(m.MountPath)
		if !overlap(there, at) {
			continue
		}
		v := b.pod.Spec.volume(m.Name)
		switch {
		case there == at && volume != "": // "/a" and "/a/" are two paths to the API server
			return conflict("mounts two volumes there, %q and %q; remove one of them", volume, m.Name)
		case there == at && m.Name == own:
			volume = own
		case there == at && (v.EmptyDir == nil || Reserved(m.Name)):
			return conflict("mounts the volume %q (%s) there; choose another path, or make that volume an emptyDir to share it", m.Name, v.kind())
		case there == at && (m.SubPath != "" || m.SubPathExpr != ""):
			return conflict("mounts the volume %q there with a subPath, below which nothing can be published; mount the volume without it", m.Name)
		case there == at:
			volume = m.Name
		case inside(there, at):
			return conflict("has a mount at %s, inside it; choose a path that contains no other mount", there)
		case m.ReadOnly || v.fixed() || Reserved(m.Name):
			return conflict("mounts the volume %q at %s, in which no mount point can be made; choose a path outside it", m.Name, there)
		}
	}
	return volume
}

// claim reports two helpers at the same place of a container, or one inside the
// other, or two helpers that would fill the same volume.
func (b *builder) claim(s sharing, t target, volume string) {
	for _, c := range b.claims[t.ContainerRef] {
		if c.request != s.request && (overlap(c.path, s.path) || c.volume == volume) {
			b.refuse(invalid(PathConflict, s.at(), s.path, "container %q gets %s from %s at %s already; give each helper a folder of its own",
				t.Name, describe(c.volume), c.request.Name(), c.path))
			break
		}
	}
	if len(b.requests) == 1 {
		return // there is nobody to be in the way of
	}
	if b.claims == nil {
		b.claims = map[ContainerRef][]claim{}
	}
	b.claims[t.ContainerRef] = append(b.claims[t.ContainerRef], claim{s.request, s.path, volume})
}

// fill reports two helpers that would fill the same volume for different containers.
func (b *builder) fill(s sharing, volume string) {
	if other := b.fills[volume]; other != nil && other != s.request {
		b.refuse(invalid(PathConflict, s.at(), s.path, "the volume %q is filled by %s already; give each helper a volume of its own", volume, other.Name()))
	}
	b.fills[volume] = s.request
}

func describe(volume string) string {
	if Reserved(volume) {
		return "its content"
	}
	return "the volume " + volume
}

func (s *Spec) volume(name string) *Volume {
	for i := range s.Volumes {
		if s.Volumes[i].Name == name {
			return &s.Volumes[i]
		}
	}
	return &Volume{Name: name}
}

// cleanMount is a mount path as container runtimes take it: relative ones begin at
// the root, and "/a/" is "/a".
func cleanMount(p string) string {
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	return path.Clean(p)
}

// inside tells whether the clean path a lies below the clean path b.
func inside(a, b string) bool {
	below, found := strings.CutPrefix(a, strings.TrimSuffix(b, "/"))
	return found && strings.HasPrefix(below, "/") && a != b
}

func overlap(a, b string) bool { return a == b || inside(a, b) || inside(b, a) }
