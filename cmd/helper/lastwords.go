// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"os"
	"syscall"
)

func terminationLog(flags *flag.FlagSet) *string {
	return flags.String("termination-log", "/dev/termination-log", "`file` for the reason of a failure, which kubectl describe shows; if there is one")
}

// lastWords writes why the container ends to where the kubelet looks for it. The
// kubelet has made the file; where there is none, or something else has its place, or it
// cannot be written, stderr has to do.
func lastWords(path string, why error) {
	file, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() && file.Truncate(0) == nil {
		_, _ = file.WriteString(why.Error() + "\n")
	}
}
