// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

func check(r *helper.Request) []reason.Problem {
	if slices.ContainsFunc(ipcModes, func(mode string) bool { return r.Has(mode) || r.Given(mode) }) {
		return nil
	}
	return []reason.Problem{reason.Missing(r.Path(shm), "%s", "ipc needs to know what to share: set one of "+strings.Join(ipcModes, ", "))}
}

func build(e *helper.Editor, r *helper.Request) {
	before := len(e.Problems())
	ipcNamespaces(e, r)
	targets := ipcTargets(e, r)
	if len(e.Problems()) > before {
		return
	}
	var volumes []string
	keep := func(names ...string) {
		for _, name := range names {
			if name != "" && !slices.Contains(volumes, name) {
				volumes = append(volumes, name)
			}
		}
	}
	if r.Has(shm) {
		keep(sharedMemory(e, r, targets))
	}
	directories := ipcDirectories(e, r, targets)
	for _, f := range directories {
		keep(f.volume)
	}
	if r.Has(hugepages) {
		keep(addHugePages(e, r, targets))
	}
	addSysctls(e, r)
	group(e, r, targets)
	shareProcesses(e, r)
	checkQueues(e, r)
	checkSegments(e, r)
	if len(e.Problems()) > before {
		return
	}
	warnIPC(e, r)
	ipcInit(e, r, targets, directories, volumes)
}

// ipcTargets are the containers that the option containers names, or all of the app:
// a container that is left out of a shared object silently has one of its own.
func ipcTargets(e *helper.Editor, r *helper.Request) []pod.Target {
	names := e.Spec().Names()
	if r.Has(helper.Containers) {
		names = r.Value(helper.Containers).List
	}
	var targets []pod.Target
	for _, name := range names {
		if r.LeavesOut(name) {
			continue
		}
		if t, ok := e.Participant(r, name); ok {
			targets = append(targets, t)
		}
	}
	return targets
}

// ipcNamespaces denies what would be done to the node instead of to the pod.
func ipcNamespaces(e *helper.Editor, r *helper.Request) {
	spec := e.Spec()
	for _, mode := range []string{shm, mqueue, sysv, sysctls} {
		if spec.HostIPC && r.Has(mode) {
			e.Deny(reason.Invalid(reason.PodConflict, r.Path(mode), r.Value(mode).Text, "the pod uses the node's IPC namespace (spec.hostIPC), which is not Pillion's to fill; remove hostIPC: containers of one pod share a namespace without it"))
		}
	}
	if r.Value(process).Bool() && spec.HostPID {
		e.Deny(reason.Invalid(reason.PodConflict, r.Path(process), "true", "the pod uses the node's process namespace (spec.hostPID), in which its containers see each other already; remove one of the two"))
	}
	if e.InGVisor() && r.Has(mqueue) {
		e.Deny(reason.Invalid(reason.PodConflict, r.Path(mqueue), r.Value(mqueue).Text, "the pod runs in gVisor (spec.runtimeClassName %s), which cannot send to or receive from POSIX queues; use sysv message queues or a socket", *spec.RuntimeClassName))
	}
}

// shareProcesses sets shareProcessNamespace unless the pod says otherwise.
func shareProcesses(e *helper.Editor, r *helper.Request) {
	if !r.Value(process).Bool() {
		return
	}
	switch shared := e.Spec().ShareProcessNamespace; {
	case shared != nil && !*shared:
		e.Deny(reason.Invalid(reason.PodConflict, r.Path(process), "true", "the pod itself sets spec.shareProcessNamespace to false; remove that field or the annotation"))
	default:
		if shared == nil {
			e.ShareProcesses()
		}
		e.Setting("shareProcessNamespace")
	}
}

func warnIPC(e *helper.Editor, r *helper.Request) {
	if e.InGVisor() && slices.ContainsFunc([]string{shm, socket, fifo}, r.Has) {
		e.Warn("ipc: gVisor shares a volume only with dev.gvisor.spec.mount annotations; see its documentation")
	}
	mounted := slices.ContainsFunc([]string{shm, sysv, socket, fifo, hugepages}, r.Has)
	if r.Given(helper.Containers) && !mounted {
		e.Warn("ipc: containers has no effect on " + strings.Join(slices.DeleteFunc(slices.Clone(ipcModes), func(m string) bool { return !r.Has(m) }), ", ") + ", which the pod has as a whole")
	}
}
