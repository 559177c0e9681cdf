// SPDX-License-Identifier: Apache-2.0

// Package ipc makes kernel objects by which the containers of a pod talk, before any
// of them starts: the helper ipc-init.
//
// All containers of a pod share one IPC namespace, and what is in it stays until
// somebody removes it or the pod's sandbox ends. So a POSIX message queue, a System V
// object or a named pipe that an init container has made is there for whichever app
// starts first.
//
// An object that is there already is good if it is as asked: the init containers
// of a pod run again whenever its sandbox is recreated. One that differs is left
// alone and is an error that names what is and what was asked. All objects are
// attempted, so that one run tells all that is wrong.
//
// The modes are the asked ones, whatever the umask of the process: [Create] sets it
// to 0.
package ipc
