// SPDX-License-Identifier: Apache-2.0

// Command certificates keeps the webhook's certificate in order in clusters without
// cert-manager: one run of it, from a Job or a CronJob, makes or renews it where that is
// due, and tells the API servers to trust it.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
