// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

var installVerb = verb{name: "install", does: "copy this program to where other containers can run it", run: runInstall}

func parseInstall(e env) (to string, err error) {
	flags := flag.NewFlagSet("install", flag.ContinueOnError)
	flags.StringVar(&to, "to", "", "the `file` to make")
	if err := parse(flags, e); err != nil {
		return "", err
	}
	if !filepath.IsAbs(to) {
		return "", usageError{fmt.Errorf("--to=%s must be a path that begins with a slash: the file to make", to)}
	}
	return to, nil
}

// runInstall copies this program. The copy is a new file each time, by which the
// verb run tells one start of the pod from another.
func runInstall(e env) error {
	to, err := parseInstall(e)
	if err != nil {
		return err
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("the program cannot read itself: %w", err)
	}
	defer self.Close()
	if err := replace(to, self); err != nil {
		return fmt.Errorf("%s cannot be installed: %w", to, err)
	}
	return nil
}

// replace makes a program at path, of which nobody ever sees a part.
func replace(path string, content io.Reader) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	err = errors.Join(err, file.Chmod(0o755), file.Close()) // closed before anybody executes it
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}
