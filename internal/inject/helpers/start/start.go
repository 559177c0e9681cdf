// SPDX-License-Identifier: Apache-2.0

// Package start is the helper start: what can be asked of it, and what it adds.
package start

import (
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// Helper returns the declaration.
func Helper() *helper.Helper {
	return &helper.Helper{
		Name:    "start",
		Aliases: []string{"order", "start-order", "startup", "depends-on"},
		Single:  true,
		Ahead:   1,
		Doc:     "Orders the start of the app's containers, which Kubernetes starts one after the other without waiting for anything: a container waits until what it needs is there, and then becomes its own program.",
		Adds: "The init container `pillion-install` copies the helper's program into a volume. Each named container must have a `command`, and gets that program with its conditions as a prefix: " +
			"it waits and then replaces itself (execve), so process ID, signals, arguments, environment and exit code are the app's own.",
		Options: []option.Option{
			{
				Name: after, Kind: conditions, Example: "consumer=mqueue:/events,web=tcp:127.0.0.1:5432",
				Doc: "Which container waits for what; all conditions of a container have to hold. mqueue:/name, sysv-msg:KEY, sysv-sem:KEY, sysv-shm:KEY and shm:/name wait until it exists, file:/path and fifo:/path as well, " +
					"socket:/path, tcp:host:port and http:host:port/path until it answers, started:CONTAINER and exited:CONTAINER for another container of the pod, ready:HELPER until a helper of the pod is up that the app does not wait for as a whole (wait \"false\"). A policy's allow list has conditions, such as tcp:127.0.0.1:5432 or a pattern of them.",
			},
			{
				Name: timeout, Kind: option.Duration, Default: "5m", Min: "1s", Max: "24h", Example: "2m",
				Idle: []option.Idle{{Option: after}},
				Doc:  "How long a container waits before it ends with exit code 75.",
			},
			{
				Name: umask, Kind: umasks, Example: "server=0002",
				Doc: "The file mode creation mask that a container starts with. 0002 lets the group of a shared directory connect to the sockets in it.",
			},
		},
		Resources: helper.Requirements("1m", "8Mi", "100m", "32Mi"),
		Builtin:   map[string]rule.Spec{},
		Check:     check,
		Build:     build,
	}
}
