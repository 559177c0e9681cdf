// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/pillion-dev/pillion/internal/version"
)

var versionVerb = verb{name: "version", does: "print the version", run: runVersion}

func runVersion(e env) error {
	_, err := fmt.Fprintln(e.stdout, "pillion helper", version.Info())
	return err
}
