// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"

	"github.com/pillion-dev/pillion/internal/ipc"
)

var ipcInitVerb = verb{name: "ipc-init", does: "make queues, semaphores, shared memory and named pipes", run: runIPCInit}

func parseIPCInit(e env) (objects []ipc.Object, log *string, err error) {
	flags := flag.NewFlagSet("ipc-init", flag.ContinueOnError)
	log = terminationLog(flags)
	flags.Func("mqueue", "a POSIX `queue`, /name?maxmsg=10&msgsize=8192&mode=0666; may be repeated, as all that follow", func(text string) error {
		queue, err := ipc.ParseQueue(text)
		objects = append(objects, queue)
		return err
	})
	flags.Func("sysv", "a System V `object`, msg:KEY, sem:KEY:N or shm:KEY:BYTES, with ?mode=0666", func(text string) error {
		object, err := ipc.ParseSysV(text)
		objects = append(objects, object)
		return err
	})
	flags.Func("fifo", "a named `pipe`, /path?mode=0666", func(text string) error {
		pipe, err := ipc.ParseFIFO(text)
		objects = append(objects, pipe)
		return err
	})
	if err := parse(flags, e); err != nil {
		return nil, nil, err
	}
	if len(objects) == 0 {
		return nil, nil, usageError{errors.New("one of --mqueue, --sysv and --fifo is needed")}
	}
	return objects, log, nil
}

// runIPCInit makes objects for the containers that start later. It can be run again.
func runIPCInit(e env) error {
	objects, log, err := parseIPCInit(e)
	if err != nil {
		return err
	}
	if err = ipc.Create(objects); err != nil {
		lastWords(*log, err)
	}
	return err
}
