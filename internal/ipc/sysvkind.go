// SPDX-License-Identifier: Apache-2.0

package ipc

// SysVKind is one of the three kinds of System V objects.
type SysVKind string

// The kinds, by the names that they also have in /proc/sysvipc.
const (
	Msg SysVKind = "msg" // a message queue
	Sem SysVKind = "sem" // a set of semaphores
	Shm SysVKind = "shm" // a segment of shared memory
)

func (k SysVKind) String() string {
	return map[SysVKind]string{Msg: "message queue", Sem: "semaphore set", Shm: "shared memory"}[k]
}
