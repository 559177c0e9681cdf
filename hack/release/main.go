// SPDX-License-Identifier: Apache-2.0

// Command release makes and publishes a release of Pillion:
//
//	go -C hack/release run . build --version v0.1.0 --out ../../bin/release/v0.1.0
//	go -C hack/release run . push --from ../../bin/release/v0.1.0 --key cosign.key
//
// Two builds of one commit with one Go are the same bytes; signatures are apart from
// them, as those of ECDSA differ each time. docs/release.md says what is in a release.
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
