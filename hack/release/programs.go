// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A file is one of an archive.
type file struct {
	name    string
	mode    int64
	content []byte
}

// makePrograms writes an archive and a bill of materials for each program and platform.
func (r *release) makePrograms(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "pillion-programs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := runImages(ctx, r.environment(), "programs", "--source", r.dir, "--out", dir); err != nil {
		return err
	}
	license, err := os.ReadFile(filepath.Join(r.dir, "LICENSE"))
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := r.makeProgram(filepath.Join(dir, e.Name()), license); err != nil {
			return fmt.Errorf("%s: %w", e.Name(), err)
		}
	}
	return nil
}

func (r *release) makeProgram(binary string, license []byte) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	// What the program will say of itself, and which the tag alone does not guarantee: Go
	// takes the highest of a commit's tags.
	if info.Main.Version != r.version {
		return fmt.Errorf("the go command stamped the version %s into it, not %s; the commit must have no higher tag", info.Main.Version, r.version)
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	name, suffix := strings.TrimSuffix(filepath.Base(binary), ".exe"), ""
	program, platform, _ := strings.Cut(name, "_")
	if name+".exe" == filepath.Base(binary) {
		suffix = ".exe"
	}
	files := []file{{"LICENSE", 0o644, license}, {program + suffix, 0o755, content}}
	base := fmt.Sprintf("%s_%s_%s", program, r.version, platform)
	if err := r.makeBill(base+".cdx.json", binary, program); err != nil {
		return err
	}
	if suffix != "" {
		packed, err := zipped(files, r.time)
		if err != nil {
			return err
		}
		return r.write(base+".zip", packed)
	}
	packed, err := tarred(files, r.time)
	if err != nil {
		return err
	}
	return r.write(base+".tar.gz", packed)
}

// tarred packs files, which are all of one time and of root.
func tarred(files []file, modified time.Time) ([]byte, error) {
	var out bytes.Buffer
	compressor, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(compressor)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), ModTime: modified, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := compressor.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// zipped is tarred for Windows.
func zipped(files []file, modified time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: modified}
		h.SetMode(os.FileMode(f.mode))
		part, err := w.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := part.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// absoluteFlags makes the directories after some flags absolute, for a command that runs
// in another directory.
func absoluteFlags(args []string, names ...string) ([]string, error) {
	out := slices.Clone(args)
	for i := 1; i < len(out); i++ {
		if !slices.Contains(names, out[i-1]) {
			continue
		}
		dir, err := filepath.Abs(out[i])
		if err != nil {
			return nil, err
		}
		out[i] = dir
	}
	return out, nil
}
