// SPDX-License-Identifier: Apache-2.0

// Command webhook is Pillion's admission server: kube-apiserver asks it about
// new pods, and it adds the helper sidecars that a pod's annotations ask for.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
