// SPDX-License-Identifier: Apache-2.0

package telling

import (
	"fmt"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// Args are the arguments of the helper's program; none if nobody is to be told. They deny a
// pod in which nobody could be.
func Args(e *helper.Editor, r *helper.Request) (args []string) {
	if r.Has(Notify) {
		args = append(args, "--notify="+r.Value(Notify).Text)
		if m := r.Value(Method).Text; m != method {
			args = append(args, "--notify-method="+m)
		}
		if s := r.Value(Statuses).Text; s != statuses {
			args = append(args, "--notify-status="+s)
		}
		if e.Spec().HostNetwork {
			e.Warn(r.Name() + ": the pod uses the node's network, so notify goes to the node's loopback")
		}
	}
	if r.Has(Signal) {
		checkSignal(e, r)
		args = append(args, "--signal="+r.Value(Signal).Text)
	}
	return args
}

// Asked reports whether somebody is to be told.
func Asked(r *helper.Request) bool { return r.Has(Notify) || r.Has(Signal) }

func checkSignal(e *helper.Editor, r *helper.Request) {
	deny := func(why reason.Reason, format string, args ...any) {
		e.Deny(reason.Invalid(why, r.Path(Signal), r.Value(Signal).Text, format, args...))
	}
	name, _ := r.Value(Signal).Data.(string)
	t, found := e.Named(r, Signal, name)
	if !found {
		return
	}
	switch {
	case t.Init && !t.Restartable():
		deny(reason.UnknownContainer, "container %q is an init container, which has ended by then; name one that runs beside %s", name, r.Helper.Name)
	case e.InGVisor():
		deny(reason.PodConflict, "the pod runs in gVisor (spec.runtimeClassName %s), which does not show which container a process belongs to; use %s", *e.Spec().RuntimeClassName, Notify)
	case !e.SharesProcesses():
		deny(reason.Contradiction, "needs one process namespace; set ipc.pillion.dev/process to \"true\", or use %s", Notify)
	default:
		checkUser(e, r, t)
	}
}

// checkUser holds the user of the container against the helper's: the kernel takes a signal
// from the same user alone (kill(2)), since a helper has no capability.
func checkUser(e *helper.Editor, r *helper.Request, t pod.Target) {
	ours, theirs := e.Spec().User(), e.Spec().UserOf(t.Container)
	if user := e.Rules().User(); user != rule.Assigned {
		ours = &user
	}
	switch {
	case ours == theirs: // both the pod's, or both left to the namespace
	case ours == nil:
		e.Warn(fmt.Sprintf("%s: signal needs container %s to run as the user that the helper gets", r.Name(), t.Name))
	case theirs == nil:
		e.Warn(fmt.Sprintf("%s: signal needs container %s to run as user %d, as the helper does", r.Name(), t.Name, *ours))
	case *ours != *theirs:
		e.Deny(reason.Invalid(reason.PodConflict, r.Path(Signal), r.Value(Signal).Text,
			"container %q runs as user %d and the helper as user %d, and only the same user may send it a signal; set the container's securityContext.runAsUser to %[3]d, or use %s", t.Name, *theirs, *ours, Notify))
	}
}
