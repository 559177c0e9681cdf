// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// unpack takes the binaries out of an archive, by way of the directory work. They get into
// the directory dir only if all are there.
func unpack(archive io.ReadSeeker, work, dir string) error {
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return err
	}
	plain, err := gzip.NewReader(archive)
	if err != nil {
		return fmt.Errorf("it is no gzip archive: %w", err)
	}
	files := tar.NewReader(plain)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("it is no tar archive: %w", err)
		}
		name := path.Base(header.Name) // its directories are kubebuilder/bin, or others
		wanted := slices.ContainsFunc(apiServer(), func(p piece) bool { return p.name == name })
		if !wanted || header.Typeflag != tar.TypeReg {
			continue
		}
		if err := extract(files, filepath.Join(work, name)); err != nil {
			return fmt.Errorf("its %s cannot be unpacked: %w", header.Name, err)
		}
	}
	if left := missing(work, apiServer()); len(left) > 0 {
		return fmt.Errorf("it holds no %s", left[0].name)
	}
	for _, p := range apiServer() {
		if err := place(filepath.Join(work, p.name), filepath.Join(dir, p.name)); err != nil {
			return fmt.Errorf("%s cannot be put in place: %w", p.name, err)
		}
	}
	return nil
}

func extract(from io.Reader, file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}
