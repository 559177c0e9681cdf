// SPDX-License-Identifier: Apache-2.0

// Command helper is the one static binary that runs inside pods: what
// internal/inject puts there are containers of it, one verb each.
package main

import "os"

func main() {
	hide()
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
