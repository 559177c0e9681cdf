// SPDX-License-Identifier: Apache-2.0

// Command kubectl-pillion is the user's tool. On the PATH it is "kubectl pillion".
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
