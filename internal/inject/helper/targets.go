// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// Targets are the containers that the option containers names, or every container of
// the app. Our own helpers never are.
func (e *Editor) Targets(r *Request, first bool) []pod.Target {
	spec := e.spec
	if !r.Has(Containers) {
		all := make([]pod.Target, 0, len(spec.Containers))
		for i := range spec.Containers {
			if name := spec.Containers[i].Name; !pod.Reserved(name) && !r.LeavesOut(name) {
				all = append(all, pod.Target{Ref: pod.Ref{Index: i}, Container: &spec.Containers[i]})
			}
		}
		return all
	}
	var named []pod.Target
	for _, name := range r.Value(Containers).List {
		t, ok := e.Participant(r, name)
		switch {
		case !ok:
		case t.Init && !t.Restartable() && t.Index < e.start(r, first):
			e.Deny(reason.Invalid(reason.UnknownContainer, r.Path(Containers), name,
				"this init container has ended before %s starts%s", r.Helper.Name, firstHint(r)))
		default:
			named = append(named, t)
		}
	}
	return named
}

// Participant finds a container that the option containers names.
func (e *Editor) Participant(r *Request, name string) (pod.Target, bool) {
	return e.Named(r, Containers, name)
}

// Named finds a container of the app that an option names. It denies the pod if there is none
// of that name.
func (e *Editor) Named(r *Request, by, name string) (pod.Target, bool) {
	spec := e.spec
	t, found := spec.Find(name)
	switch {
	case !found:
		e.Deny(reason.Invalid(reason.UnknownContainer, r.Path(by), name, "the pod has no container of this name%s", e.Others(name)))
	case pod.Reserved(name):
		e.Deny(reason.Invalid(reason.UnknownContainer, r.Path(by), name, "is a helper; only containers of the app can take part"))
		return pod.Target{}, false
	}
	return t, found
}

// Others ends the sentence on a container that is not there: with its likely name, and those
// that are there.
func (e *Editor) Others(name string) string {
	const most = 8
	names := e.spec.Names()
	hint := nearmiss.DidYouMean(nearmiss.Nearest(name, names))
	if len(names) == 0 {
		return hint
	}
	more := ""
	if len(names) > most {
		names, more = names[:most], fmt.Sprintf(" and %d more", len(names)-most)
	}
	for i := range names {
		names[i] = shown(names[i])
	}
	if more != "" {
		return "; it has " + strings.Join(names, ", ") + more + hint
	}
	return "; it has " + option.JoinAnd(names) + hint
}

// shown is the name of a container as a string may repeat it: the API server looks at names only
// after us.
func shown(name string) string {
	const most = 63 // of a name that is right
	if len(name) > most || option.PlainText(name) != nil {
		return strconv.QuoteToASCII(name[:min(len(name), most)])
	}
	return name
}

// start is the index among the init containers before which the helper starts.
func (e *Editor) start(r *Request, first bool) int {
	if i := e.spec.InitContainer(pod.ReservedPrefix + r.Name()); i != plan.Insert {
		return i
	}
	if first {
		return 0
	}
	return len(e.spec.InitContainers)
}

func firstHint(r *Request) string {
	switch {
	case r.Helper.Option(Position) == nil:
		return "; only containers that run beside it can take part"
	case r.Value(Position).Text == "first": // a helper that is there keeps its place
		return ", which is in the pod behind it already"
	}
	return "; set " + r.Helper.Key(r.Instance, Position) + " to \"first\""
}
