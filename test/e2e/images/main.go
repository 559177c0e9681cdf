// SPDX-License-Identifier: Apache-2.0

// Command images assembles the one image that the end-to-end stories run besides
// Pillion's own: nginx, git, sshd and busybox from Debian's packages, the helpers of
// examples/helpers, and the programs of test/e2e/cmd.
//
//	go run ./test/e2e/images --out bin/images/e2e.tar
//
// It needs Debian or Ubuntu, but neither root nor a container runtime, and it
// installs nothing. Packages are kept in $PILLION_CACHE, or else in the user's
// cache directory, so that only the first run needs a network.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	out := flag.String("out", "bin/images/e2e.tar", "`FILE` to write the image to, as an OCI archive")
	name := flag.String("name", "pillion.test/e2e:dev", "`NAME` of the image")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := assemble(ctx, *name, *out, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e/images:", err)
		os.Exit(1)
	}
}
