// SPDX-License-Identifier: Apache-2.0

package ipc

import "github.com/pillion-dev/pillion/internal/inject/helper"

// Names of options of ipc.
const (
	shm       = "shm"
	mqueue    = "mqueue"
	sysv      = "sysv"
	socket    = "socket"
	fifo      = "fifo"
	process   = helper.Process
	hugepages = "hugepages"
	sysctls   = "sysctls"
	gid       = "gid"
)

// ipcModes are the options that ask for something by themselves.
var ipcModes = []string{shm, mqueue, sysv, socket, fifo, process, hugepages, sysctls}
