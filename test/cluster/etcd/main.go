// SPDX-License-Identifier: Apache-2.0

// Command etcd is etcd's own server: the release's main package lies in a
// module that cannot be required, so its one line is repeated here.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
