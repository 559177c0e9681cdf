// SPDX-License-Identifier: Apache-2.0

// Package ipc is the helper ipc: what can be asked of it, and what it adds.
package ipc

import (
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// Helper returns the declaration.
func Helper() *helper.Helper {
	return &helper.Helper{
		Name:    "ipc",
		Aliases: []string{"shm", "mqueue", "sysv", "shared-memory"},
		Single:  true,
		Ahead:   2,

		WithInit: true,
		Doc:      "Gives the containers of a pod what they need to talk to each other without a network: shared memory, message queues, semaphores, sockets, named pipes, signals.",
		Adds: "Queues, System V objects and named pipes are made by the init container `pillion-ipc-init`, which runs before all others as user 65532, or as the user that the policy sets; " +
			"objects with another owner (`uid=1000`) are made by `pillion-ipc-init-1000`, which runs as that user. The other modes add volumes, mounts and settings, and no container.",
		Options: []option.Option{
			{
				Name: shm, Kind: option.Size, SharedMemory: true, Min: "4Ki", Max: "1Ti", Example: "256Mi",
				Doc: "Size of /dev/shm, a volume in memory that every participating container mounts. Without it all containers share the 64Mi of the pod, so 64Mi or less changes nothing. What is written counts against the memory limit of the container that writes.",
			},
			{
				Name: mqueue, Kind: queues, Example: "/events?maxmsg=10&msgsize=1024&mode=0666",
				Doc: "POSIX message queues that exist before anything else starts, with room for maxmsg (10) messages of msgsize (8192) bytes and the permissions mode (0666). Only the owner (uid, default the helper's own) and root can unlink one. " +
					"The kernel counts the bytes of all queues of one owner on a node together, 819200 at most (RLIMIT_MSGQUEUE). A policy's allow list has names of queues.",
			},
			{
				Name: sysv, Kind: systemV, Example: "msg:0x00001234?mode=0666,sem:0x00001235:3?mode=0666,shm:ftok(/run/ipc,65):1048576?mode=0600",
				Doc: "System V message queues (msg:KEY), sets of semaphores (sem:KEY:COUNT) and shared memory (shm:KEY:SIZE) that exist before anything else starts, with mode (0666) and owner (uid, default the helper's own). " +
					"A key is a number or ftok(path,id), whose path has to be in a volume that all participants mount at the same place. A policy's allow list has kinds and keys, such as msg:0x00001234.",
			},
			{
				Name: socket, Kind: option.AbsolutePath, Example: "/run/ipc",
				Doc: "A directory for Unix sockets that every participating container sees: a small volume, or an emptyDir that they mount there already.",
			},
			{
				Name: fifo, Kind: pipes, Example: "/run/ipc/events?mode=0666",
				Doc: "Named pipes that exist before anything else starts, with mode (0666) and owner (uid, default the helper's own), in directories that every participating container sees. A policy's allow list has paths.",
			},
			{
				Name: process, Kind: option.Boolean, Example: "true",
				Doc: "Share one process namespace, for signals and everything else that goes by PID. The app is no longer PID 1, and the containers see each other's processes, environment and files.",
			},
			{
				Name: hugepages, Kind: hugePages, Example: "2Mi:512Mi",
				Doc: "Huge pages of a size and, behind the colon, how much of them each participating container may use: a volume at /dev/hugepages and the limits. A policy's allow list has whole values, such as 2Mi:512Mi or a pattern of them.",
			},
			{
				Name: sysctls, Kind: sysctlList, Listed: true, Example: "kernel.msgmax=65536",
				Doc: "Settings of the pod's IPC or network namespace. Only names that the policy's allow list has, and kernel.shm_rmid_forced: a node that does not allow a sysctl fails the pod, and its ReplicaSet makes the next one, without end.",
			},
			{
				Name: gid, Kind: option.Integer, Min: "1", Max: "2147483647", Example: "3000",
				Doc: "A group that all containers get (fsGroup), so that those of different users can share a socket. It is the group of every volume of the pod that supports it. For a socket to be writable for its group the container that listens needs a umask such as 0002.",
			},
			{
				Name: helper.Containers, Kind: option.Containers, Example: "producer,consumer",
				Doc: "The containers that take part in what is mounted. Without it every container of the app does, init containers and native sidecars as well.",
			},
		},
		Resources: helper.Requirements("1m", "8Mi", "100m", "32Mi"),
		Builtin:   map[string]rule.Spec{}, // and no sysctl but the one that every kubelet allows
		Check:     check,
		Build:     build,
	}
}
