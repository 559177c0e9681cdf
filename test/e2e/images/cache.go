// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// fetchPackages returns the package files, downloading those that the cache has
// not got.
func fetchPackages(ctx context.Context) ([]string, error) {
	debs, err := locate(ctx)
	if err != nil {
		return nil, err
	}
	cache, err := cacheDirectory()
	if err != nil {
		return nil, err
	}
	if err := download(ctx, cache, missing(cache, debs)); err != nil {
		return nil, err
	}
	var files []string
	for _, d := range debs {
		files = append(files, filepath.Join(cache, d.file))
	}
	return files, nil
}

func cacheDirectory() (string, error) {
	base := os.Getenv("PILLION_CACHE")
	if base == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("there is no place to keep the packages: %w; set PILLION_CACHE to a directory", err)
		}
		base = filepath.Join(user, "pillion")
	}
	dir, err := filepath.Abs(filepath.Join(base, "debs"))
	if err != nil {
		return "", fmt.Errorf("the cache directory %q: %w", base, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("the cache directory cannot be made: %w; set PILLION_CACHE to one that can", err)
	}
	return dir, nil
}

// missing are those of debs that are not in dir, or are damaged.
func missing(dir string, debs []deb) []deb {
	var left []deb
	for _, d := range debs {
		if sum, err := hashFile(filepath.Join(dir, d.file)); err != nil || sum != d.sha256 {
			left = append(left, d)
		}
	}
	return left
}

// download gets debs into dir. Each appears there complete or not at all, so
// several runs may share dir.
func download(ctx context.Context, dir string, debs []deb) error {
	if len(debs) == 0 {
		return nil
	}
	work, err := os.MkdirTemp(dir, ".download-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	args := []string{"download"}
	for _, d := range debs {
		args = append(args, d.pkg)
	}
	cmd := apt(ctx, "apt-get", args...)
	cmd.Dir = work
	if _, err := output(cmd, nil); err != nil {
		return fmt.Errorf("the packages cannot be downloaded; if the package lists are old, run `apt-get update` as root: %w", err)
	}
	if damaged := missing(work, debs); len(damaged) > 0 {
		return fmt.Errorf("apt-get did not download %s as the package lists describe it", damaged[0].file)
	}
	for _, d := range debs {
		if err := os.Rename(filepath.Join(work, d.file), filepath.Join(dir, d.file)); err != nil {
			return err
		}
	}
	return nil
}

func hashFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
