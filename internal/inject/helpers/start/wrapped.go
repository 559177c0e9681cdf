// SPDX-License-Identifier: Apache-2.0

package start

import (
	"slices"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// wrapped is a container whose command gets the wrapper.
type wrapped struct {
	pod.Target
	waits []condition
	umask string
	state bool // takes part in started: and exited:
}

// wrappedContainers lists, in the order of the pod, the containers that wait, that are
// waited for by name, or that get a umask.
func wrappedContainers(e *helper.Editor, r *helper.Request) []wrapped {
	var all []wrapped
	entry := func(option, name string) *wrapped {
		if i := slices.IndexFunc(all, func(w wrapped) bool { return w.Name == name }); i >= 0 {
			return &all[i]
		}
		t, ok := wrappable(e, r, option, name)
		if !ok {
			return &wrapped{}
		}
		all = append(all, wrapped{Target: t})
		return &all[len(all)-1]
	}
	for _, p := range pairsOf(r, after) {
		if other := p.condition.container; other != "" {
			entry(after, other).state = true
			entry(after, p.name).state = true
		}
		w := entry(after, p.name)
		if p.condition.helper == "" {
			w.waits = append(w.waits, p.condition)
		} else if c := up(e, r, &p); c != nil {
			w.waits = append(w.waits, *c)
		}
	}
	for _, p := range pairsOf(r, umask) {
		entry(umask, p.name).umask = p.value
	}
	slices.SortFunc(all, func(a, c wrapped) int { return a.Index - c.Index })
	return all
}

// wrappable finds a container whose command can be wrapped. What is wrong with one is
// said once.
func wrappable(e *helper.Editor, r *helper.Request, asked, name string) (pod.Target, bool) {
	spec := e.Spec()
	t, found := spec.Find(name)
	var p reason.Problem
	switch {
	case !found:
		p = reason.Invalid(reason.UnknownContainer, r.Path(asked), name, "the pod has no container of this name%s", e.Others(name))
	case pod.Reserved(name):
		p = reason.Invalid(reason.UnknownContainer, r.Path(asked), name, "is a helper; only containers of the app can be ordered")
	case t.Init && t.Restartable():
		p = reason.Invalid(reason.UnknownContainer, r.Path(asked), name, "is a native sidecar, which starts before all containers of the app; only those can be ordered")
	case t.Init:
		p = reason.Invalid(reason.UnknownContainer, r.Path(asked), name, "is an init container, which ends before any container of the app starts; only those can be ordered")
	case len(t.Command) == 0:
		p = reason.Invalid(reason.PodConflict, r.Path(asked), name, "the container has no command, and what its image starts is not known here; set %s to the image's entrypoint",
			e.Root().Child("spec", "containers").Index(t.Index).Child("command"))
	default:
		return t, true
	}
	e.DenyOnce(p)
	return pod.Target{}, false
}
