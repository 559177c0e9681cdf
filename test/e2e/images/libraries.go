// SPDX-License-Identifier: Apache-2.0

package main

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// checkLibraries makes sure that all programs and libraries in root find the
// libraries that they need where the dynamic linker looks without a cache: in
// /usr/lib, and in Debian's directory for the machine in it.
func checkLibraries(root string) error {
	present := map[string]bool{}
	for _, pattern := range []string{"usr/lib/*.so*", "usr/lib/*-linux-gnu*/*.so*", "usr/lib64/*.so*"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return err
		}
		for _, f := range found {
			present[filepath.Base(f)] = true
		}
	}
	lacking := map[string][]string{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		needed, err := neededBy(name)
		for _, library := range needed {
			if !present[library] {
				lacking[library] = append(lacking[library], strings.TrimPrefix(name, root))
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, library := range slices.Sorted(maps.Keys(lacking)) {
		return fmt.Errorf("no package of the image has %s, which %s needs; isLibrary in test/e2e/images must let its package in", library, lacking[library][0])
	}
	return nil
}

// neededBy lists the libraries that the file name is linked with, if it is a
// program or a library at all.
func neededBy(name string) ([]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	e, err := elf.NewFile(f)
	if err != nil {
		return nil, nil // a script, or data
	}
	return e.ImportedLibraries()
}
