// SPDX-License-Identifier: Apache-2.0

// Command generate writes config/ from charts/pillion. It is run by "make generate" in
// test/chart.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/pillion-dev/pillion/test/chart/render"
)

func main() {
	if err := run("../.."); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	files, err := render.Kustomize(root)
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
