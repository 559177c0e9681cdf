// SPDX-License-Identifier: Apache-2.0

// Command readers reads a tree while it is replaced again and again, as apps do, and
// ends with an error when it sees what no app may see.
//
//	readers --root=/site --reads=100000 --flips=10
//
// Every commit of the tree has a number, higher than the one before, and the same
// number of files, among them pages/NUMBER.html. Each file's first line is the number
// and how many lines follow; each of these is the number.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	var r reader
	flag.StringVar(&r.root, "root", "", "the `directory` in which commits are published")
	flag.IntVar(&r.files, "files", 5, "how many files a commit has")
	reads := flag.Int("reads", 100_000, "how many files to read at the least")
	flips := flag.Int("flips", 10, "how many new commits to see at the least")
	timeout := flag.Duration("timeout", 2*time.Minute, "`time` after which that is hopeless")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	err := r.run(ctx, *reads, *flips)
	cancel()
	_ = json.NewEncoder(os.Stdout).Encode(r.Seen)
	if err != nil {
		fmt.Fprintln(os.Stderr, "readers:", err)
		os.Exit(1)
	}
}
