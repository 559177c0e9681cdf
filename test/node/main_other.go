// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "node: a node needs Linux; the tests also run on any cluster that E2E_KUBECONFIG names")
	os.Exit(1)
}
