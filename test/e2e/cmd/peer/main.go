// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command peer is one side of a conversation between two containers. It makes no
// kernel object itself: what is not there is an error.
package main

import (
	"fmt"
	"os"
)

func main() {
	verbs := map[string]func(args ...string) error{
		"msg-send":    msgSend,    // KEY TEXT
		"msg-receive": msgReceive, // KEY
		"sem-post":    semPost,    // KEY
		"sem-wait":    semWait,    // KEY
		"segment-put": segmentPut, // KEY TEXT
		"segment-get": segmentGet, // KEY, until there is a text
		"shm-write":   shmWrite,   // NAME MiB
		"shm-read":    shmRead,    // NAME MiB, when it is complete
		"listen":      listen,     // SOCKET
		"say":         say,        // SOCKET TEXT
		"await":       await,      // FILE to make, then SIGUSR1
	}
	if len(os.Args) < 2 || verbs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: peer VERB ARGUMENT…")
		os.Exit(2)
	}
	if err := verbs[os.Args[1]](os.Args[2:]...); err != nil {
		fmt.Fprintf(os.Stderr, "peer %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
