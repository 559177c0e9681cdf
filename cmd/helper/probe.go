// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

var probeVerb = verb{name: "probe", does: "succeed if there is content", run: runProbe}

// runProbe asks for content and not for freshness: after a restart while git is down,
// what was published is still there, and so is the reason for the pod to be ready.
func runProbe(e env) error {
	flags := flag.NewFlagSet("probe", flag.ContinueOnError)
	content := flags.String("content", "", "the `directory` in which git-poller publishes")
	file := flags.String("file", "", "the `file` that date-writer writes")
	if err := parse(flags, e); err != nil {
		return err
	}
	switch {
	case (*content == "") == (*file == ""):
		return usageError{errors.New("one of --content and --file is needed")}
	case *content != "":
		info, err := os.Stat(filepath.Join(*content, "..data"))
		if err != nil || !info.IsDir() {
			return fmt.Errorf("nothing is published in %s yet", *content)
		}
	default:
		info, err := os.Stat(*file)
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			return fmt.Errorf("nothing is written to %s yet", *file)
		}
	}
	return nil
}
