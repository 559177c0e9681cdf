// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command node runs a whole Kubernetes node on this machine, in namespaces of
// its own: etcd, kube-apiserver, its controllers, kubelet, containerd and pods.
// There is no way out of its network, nothing of the machine is changed, and
// nothing is left when it ends. `node help` says how to use it.
package main

import (
	"fmt"
	"os"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
	}
	os.Exit(code)
}
