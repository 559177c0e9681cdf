// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Names of options of start.
const (
	after   = "after"
	timeout = "timeout"
	umask   = "umask"
)

// Where a container of the app finds the wrapper, and where wrappers tell each other
// which containers have started and ended.
const (
	binVolume = ReservedPrefix + "bin"
	binDir    = "/.pillion/bin"
	runVolume = ReservedPrefix + "run"
	runDir    = "/.pillion/run"
	wrapper   = binDir + helperBinary
)

var start = Helper{
	Name:   "start",
	Single: true,
	ahead:  1,
	Doc:    "Orders the start of the app's containers, which Kubernetes starts one after the other without waiting for anything: a container waits until what it needs is there, and then becomes its own program.",
	Adds: "The init container `pillion-install` copies the helper's program into a volume. In front of the `command` of each container that is named, which has to have one, stands that program with its conditions: " +
		"it waits and then replaces itself (execve), so process ID, signals, arguments, environment and exit code are the app's own.",
	Options: []Option{
		{
			Name: after, Kind: KindConditions, Example: "consumer=mqueue:/events,web=tcp:127.0.0.1:5432",
			Doc: "Which container waits for what; all conditions of a container have to hold. mqueue:/name, sysv-msg:KEY, sysv-sem:KEY, sysv-shm:KEY and shm:/name wait until it exists, file:/path and fifo:/path as well, " +
				"socket:/path, tcp:host:port and http:host:port/path until it answers, started:CONTAINER and exited:CONTAINER for another container of the pod. A policy's allow list has conditions, such as tcp:127.0.0.1:5432 or a pattern of them.",
		},
		{
			Name: timeout, Kind: KindDuration, Default: "5m", Min: "1s", Max: "24h", Example: "2m",
			Doc: "How long a container waits before it ends with exit code 75.",
		},
		{
			Name: umask, Kind: KindUmasks, Example: "server=0002",
			Doc: "The file mode creation mask that a container starts with. 0002 lets the group of a shared folder connect to the sockets in it.",
		},
	},
	check: checkStart,
	build: buildStart,
}

func checkStart(r *Request) []Problem {
	if r.Has(after) || r.given(after) || r.Has(umask) || r.given(umask) {
		return nil
	}
	return []Problem{{MissingOption, field.Required(r.path(after), fmt.Sprintf("start needs to know what waits for what, such as %q", r.Helper.Option(after).Example))}}
}

// wrapped is a container whose command gets the wrapper.
type wrapped struct {
	target
	waits []condition
	umask string
	state bool // takes part in started: and exited:
}

func buildStart(b *builder, r *Request) {
	before := len(b.problems)
	all := b.wrappedContainers(r)
	if len(b.problems) == before {
		b.refuseCycles(r, all)
	}
	if len(b.problems) > before {
		return
	}
	var targets, stateful []target
	for i := range all {
		targets = append(targets, all[i].target)
		if all[i].state {
			stateful = append(stateful, all[i].target)
		}
	}
	asked := after
	if !r.Has(after) {
		asked = umask
	}
	volumes := []string{binVolume}
	own := emptyDir(binVolume, resource.MustParse("64Mi")) // the program has a fraction of it
	_, ok := b.shareVolume(sharing{request: r, option: asked, path: binDir, targets: targets, readOnly: true, own: own, alone: true})
	if ok && len(stateful) > 0 {
		volumes = append(volumes, runVolume)
		own := emptyDir(runVolume, resource.MustParse("1Mi"))
		_, ok = b.shareVolume(sharing{request: r, option: asked, path: runDir, targets: stateful, own: own, alone: true})
	}
	if !ok {
		return
	}
	if r.given(timeout) && !r.Has(after) {
		b.warn("start: timeout has no effect without after")
	}
	for i := range all {
		b.wrap(&all[i], all[i].words(r.Value(timeout)))
		b.warnWaiting(&all[i])
	}
	b.add(r, &corev1.Container{
		Name:         ReservedPrefix + "install",
		Args:         []string{"install", "--to=" + wrapper},
		VolumeMounts: []corev1.VolumeMount{{Name: binVolume, MountPath: binDir}},
	}, true)
	b.helpers = append(b.helpers, HelperStatus{
		Helper: r.Helper.Name, Container: ReservedPrefix + "install", Volumes: append(volumes, noTokenVolume),
		Containers: targetNames(targets), Reason: r.Reason,
	})
}

// wrappedContainers lists, in the order of the pod, the containers that wait, that are
// waited for by name, or that get an umask.
func (b *builder) wrappedContainers(r *Request) []wrapped {
	var all []wrapped
	entry := func(option, name string) *wrapped {
		if i := slices.IndexFunc(all, func(w wrapped) bool { return w.Name == name }); i >= 0 {
			return &all[i]
		}
		t, ok := b.wrappable(r, option, name)
		if !ok {
			return &wrapped{}
		}
		all = append(all, wrapped{target: t})
		return &all[len(all)-1]
	}
	for _, p := range r.Value(after).pairs {
		if other := p.condition.container; other != "" {
			entry(after, other).state = true
			entry(after, p.name).state = true
		}
		w := entry(after, p.name)
		w.waits = append(w.waits, p.condition)
	}
	for _, p := range r.Value(umask).pairs {
		entry(umask, p.name).umask = p.value
	}
	slices.SortFunc(all, func(a, c wrapped) int { return a.Index - c.Index })
	return all
}

// wrappable finds a container whose command can be wrapped. What is wrong with one is
// said once.
func (b *builder) wrappable(r *Request, option, name string) (target, bool) {
	spec := &b.pod.Spec
	t, found := spec.find(name)
	var p Problem
	switch {
	case !found:
		p = invalid(UnknownContainer, r.path(option), name, "the pod has no container of this name%s", didYouMean(Nearest(name, spec.names())))
	case Reserved(name):
		p = invalid(UnknownContainer, r.path(option), name, "is a helper; only containers of the app can be ordered")
	case t.Init && t.restartable():
		p = invalid(UnknownContainer, r.path(option), name, "is a native sidecar, which starts before all containers of the app; only those can be ordered")
	case t.Init:
		p = invalid(UnknownContainer, r.path(option), name, "is an init container, which ends before any container of the app starts; only those can be ordered")
	case len(t.Command) == 0:
		p = invalid(PodConflict, r.path(option), name, "the container has no command, and what its image starts is not known here; set %s to the image's entrypoint",
			b.root.Child("spec", "containers").Index(t.Index).Child("command"))
	default:
		return t, true
	}
	b.refuseOnce(p)
	return target{}, false
}

// warnWaiting says what a wait does to the rest of the pod.
func (b *builder) warnWaiting(w *wrapped) {
	if len(w.waits) > 0 && w.LivenessProbe != nil && w.StartupProbe == nil {
		b.warn(shortened("start: %s may be killed while it waits: it has a liveness probe and no startup probe", w.Name))
	}
	for _, c := range w.waits {
		if !c.exited {
			continue
		}
		other, _ := b.pod.Spec.find(c.container)
		policy := other.RestartPolicy
		if policy == "" {
			policy = b.pod.Spec.RestartPolicy
		}
		if policy == "" || policy == string(corev1.RestartPolicyAlways) {
			b.warn(shortened("start: %s ends and is started again each time, since its restartPolicy is Always", c.container))
		}
	}
}

// shortened puts a name into a warning, of which kubectl shows so many letters.
func shortened(format, name string) string {
	const most = 24
	if len(name) > most {
		name = name[:most] + "…"
	}
	return fmt.Sprintf(format, name)
}
