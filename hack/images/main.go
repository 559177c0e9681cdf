// SPDX-License-Identifier: Apache-2.0

// Command images makes Pillion's container images without a container runtime:
//
//	go -C hack/images run . build --out ../../bin/images
//	go -C hack/images run . programs --out ../../bin/programs
//	go -C hack/images run . push --registry ghcr.io/pillion-dev
//	go -C hack/images run . pack --root DIR --name REF --out FILE.tar
//
// The images hold one static binary, the certificate authorities and a user that
// is not root. Built from the same commit with the same Go, they are the same
// bytes.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}
