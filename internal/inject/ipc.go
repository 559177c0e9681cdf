// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Names of options of ipc.
const (
	shm       = "shm"
	mqueue    = "mqueue"
	sysv      = "sysv"
	socket    = "socket"
	fifo      = "fifo"
	process   = "process"
	hugepages = "hugepages"
	sysctls   = "sysctls"
	gid       = "gid"
)

// ipcModes are the options that ask for something by themselves.
var ipcModes = []string{shm, mqueue, sysv, socket, fifo, process, hugepages, sysctls}

var ipc = Helper{
	Name:   "ipc",
	Single: true,
	ahead:  2,

	withInit: true,
	Doc:      "Gives the containers of a pod what they need to talk to each other without a network: shared memory, message queues, semaphores, sockets, named pipes, signals.",
	Adds: "Queues, System V objects and named pipes are made by the init container `pillion-ipc-init`, which runs before all others as user 65532, or as whom the policy says; " +
		"objects with another owner (`uid=1000`) are made by `pillion-ipc-init-1000`, which runs as that user. The other modes add volumes, mounts and settings, and no container.",
	Options: []Option{
		{
			Name: shm, Kind: KindSize, Min: "4Ki", Max: "1Ti", Example: "256Mi",
			Doc: "Size of /dev/shm, a volume in memory that every participating container mounts. Without it all containers share the 64Mi of the pod, so 64Mi or less changes nothing. What is written counts against the memory limit of the container that writes.",
		},
		{
			Name: mqueue, Kind: KindQueues, Example: "/events?maxmsg=10&msgsize=1024&mode=0666",
			Doc: "POSIX message queues that exist before anything else starts, with room for maxmsg (10) messages of msgsize (8192) bytes and the permissions mode (0666). Only the owner (uid, default the helper's own) and root can unlink one. " +
				"The kernel counts the bytes of all queues of one owner on a node together, 819200 at most (RLIMIT_MSGQUEUE). A policy's allow list has names of queues.",
		},
		{
			Name: sysv, Kind: KindSysV, Example: "msg:0x00001234?mode=0666,sem:0x00001235:3?mode=0666,shm:ftok(/run/ipc,65):1048576?mode=0600",
			Doc: "System V message queues (msg:KEY), sets of semaphores (sem:KEY:COUNT) and shared memory (shm:KEY:SIZE) that exist before anything else starts, with mode (0666) and owner (uid, default the helper's own). " +
				"A key is a number or ftok(path,id), whose path has to be in a volume that all participants mount at the same place. A policy's allow list has kinds and keys, such as msg:0x00001234.",
		},
		{
			Name: socket, Kind: KindMountPath, Example: "/run/ipc",
			Doc: "A folder for Unix sockets that every participating container sees: a small volume, or an emptyDir that they mount there already.",
		},
		{
			Name: fifo, Kind: KindFIFOs, Example: "/run/ipc/events?mode=0666",
			Doc: "Named pipes that exist before anything else starts, with mode (0666) and owner (uid, default the helper's own), in folders that every participating container sees. A policy's allow list has paths.",
		},
		{
			Name: process, Kind: KindBool, Example: "true",
			Doc: "Share one process namespace, for signals and everything else that goes by PID. The app is no longer PID 1, and the containers see each other's processes, environment and files.",
		},
		{
			Name: hugepages, Kind: KindHugePages, Example: "2Mi:512Mi",
			Doc: "Huge pages of a size and, behind the colon, how much of them each participating container may use: a volume at /dev/hugepages and the limits. A policy's allow list has whole values, such as 2Mi:512Mi or a pattern of them.",
		},
		{
			Name: sysctls, Kind: KindSysctls, Listed: true, Example: "kernel.msgmax=65536",
			Doc: "Settings of the pod's IPC or network namespace. Only names that the policy's allow list has, and kernel.shm_rmid_forced: a node that does not allow a sysctl fails the pod, and its ReplicaSet makes the next one, without end.",
		},
		{
			Name: gid, Kind: KindInt, Min: "1", Max: "2147483647", Example: "3000",
			Doc: "A group that all containers get (fsGroup), so that those of different users can share a socket. It is the group of every volume of the pod that supports it. For a socket to be writable for its group the container that listens needs an umask such as 0002.",
		},
		{
			Name: containers, Kind: KindContainers, Example: "producer,consumer",
			Doc: "The containers that take part in what is mounted. Without it every container of the app does, init containers and native sidecars as well.",
		},
	},
	check: checkIPC,
	build: buildIPC,
}

func checkIPC(r *Request) []Problem {
	if slices.ContainsFunc(ipcModes, func(mode string) bool { return r.Has(mode) || r.given(mode) }) {
		return nil
	}
	return []Problem{{MissingOption, field.Required(r.path(shm), "ipc needs to know what to share: set one of "+strings.Join(ipcModes, ", "))}}
}

func buildIPC(b *builder, r *Request) {
	before := len(b.problems)
	b.ipcNamespaces(r)
	targets := b.ipcTargets(r)
	if len(b.problems) > before {
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
		keep(b.sharedMemory(r, targets))
	}
	folders := b.ipcFolders(r, targets)
	for _, f := range folders {
		keep(f.volume)
	}
	if r.Has(hugepages) {
		keep(b.hugePages(r, targets))
	}
	b.sysctls(r)
	b.group(r, targets)
	b.shareProcesses(r)
	b.checkQueues(r)
	b.checkSegments(r)
	if len(b.problems) > before {
		return
	}
	b.warnIPC(r)
	b.ipcInit(r, targets, folders, volumes)
}

// ipcTargets are the containers that the option containers names, or all of the app:
// whoever is left out of a shared thing has one of its own and nobody says so.
func (b *builder) ipcTargets(r *Request) []target {
	names := b.pod.Spec.names()
	if r.Has(containers) {
		names = r.Value(containers).List
	}
	var targets []target
	for _, name := range names {
		if t, ok := b.participant(r, name); ok {
			targets = append(targets, t)
		}
	}
	return targets
}

// ipcNamespaces refuses what would be done to the node instead of to the pod.
func (b *builder) ipcNamespaces(r *Request) {
	spec := &b.pod.Spec
	for _, mode := range []string{shm, mqueue, sysv, sysctls} {
		if spec.HostIPC && r.Has(mode) {
			b.refuse(invalid(PodConflict, r.path(mode), r.Value(mode).Text, "the pod uses the node's IPC namespace (spec.hostIPC), which is not Pillion's to fill; remove hostIPC: containers of one pod share a namespace without it"))
		}
	}
	if r.Value(process).Bool() && spec.HostPID {
		b.refuse(invalid(PodConflict, r.path(process), "true", "the pod uses the node's process namespace (spec.hostPID), in which its containers see each other already; remove one of the two"))
	}
	if b.inGVisor() && r.Has(mqueue) {
		b.refuse(invalid(PodConflict, r.path(mqueue), r.Value(mqueue).Text, "the pod runs in gVisor (spec.runtimeClassName %s), which cannot send to or receive from POSIX queues; use sysv message queues or a socket", *spec.RuntimeClassName))
	}
}

// shareProcesses sets shareProcessNamespace unless the pod says otherwise.
func (b *builder) shareProcesses(r *Request) {
	if !r.Value(process).Bool() {
		return
	}
	switch shared := b.pod.Spec.ShareProcessNamespace; {
	case shared != nil && !*shared:
		b.refuse(invalid(PodConflict, r.path(process), "true", "the pod itself sets spec.shareProcessNamespace to false; remove that field or the annotation"))
	default:
		b.plan.Settings.ShareProcesses = shared == nil
		b.settings = append(b.settings, "shareProcessNamespace")
	}
}

func (b *builder) inGVisor() bool {
	class := b.pod.Spec.RuntimeClassName
	return class != nil && slices.Contains(b.policy.GVisor, *class)
}

func (b *builder) warnIPC(r *Request) {
	if b.inGVisor() && slices.ContainsFunc([]string{shm, socket, fifo}, r.Has) {
		b.warn("ipc: gVisor shares a volume only with dev.gvisor.spec.mount annotations; see its documentation")
	}
	mounted := slices.ContainsFunc([]string{shm, sysv, socket, fifo, hugepages}, r.Has)
	if r.given(containers) && !mounted {
		b.warn("ipc: containers has no effect on " + strings.Join(slices.DeleteFunc(slices.Clone(ipcModes), func(m string) bool { return !r.Has(m) }), ", ") + ", which the pod has as a whole")
	}
}
