// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// merged are the directories that are links into /usr. Packages still have files
// in them, which is why dpkg-deb's own extraction, which replaces such links with
// directories, is not used.
func merged() []string { return []string{"bin", "lib", "lib64", "sbin"} }

// useless is what no program of the image reads, as patterns of path.Match.
func useless() []string {
	return []string{
		"etc/cron.daily", "etc/default", "etc/init.d", "etc/logrotate.d", "etc/pam.d", "etc/runit", "etc/sv", "etc/ufw",
		"usr/bin/scalar", "usr/lib/git-core/scalar", "usr/lib/git-core/git-http-fetch", "usr/lib/git-core/git-http-push", "usr/lib/git-core/git-imap-send",
		"usr/lib/systemd", "usr/lib/tmpfiles.d", "usr/lib/*/gconv", // character sets
		"usr/share/apport", "usr/share/bash-completion", "usr/share/bug", "usr/share/doc", "usr/share/doc-base",
		"usr/share/info", "usr/share/initramfs-tools", "usr/share/lintian", "usr/share/locale", "usr/share/man",
		"usr/share/gitweb", "usr/share/perl5", "usr/share/runit", "usr/share/vim", "var/log/runit",
	}
}

// extract unpacks a package into root.
func extract(ctx context.Context, deb, root string) error {
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	unpacked := unpack(stdout, root)
	if unpacked != nil {
		stdout.Close() // or dpkg-deb would wait to be read
	}
	if err := cmd.Wait(); err != nil {
		err = fmt.Errorf("dpkg-deb: %w: %s", err, strings.TrimSpace(stderr.String()))
		unpacked = errors.Join(unpacked, err)
	}
	if unpacked != nil {
		return fmt.Errorf("%s cannot be unpacked: %w", deb, unpacked)
	}
	return nil
}

func unpack(archive io.Reader, root string) error {
	dir, err := os.OpenRoot(root) // refuses names that leave it
	if err != nil {
		return err
	}
	defer dir.Close()
	for r := tar.NewReader(archive); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, archive) // the padding, so that dpkg-deb does not fail to write it
			return err
		}
		if err != nil {
			return err
		}
		name := place(h.Name)
		if isUseless(name) {
			continue
		}
		if err := unpackEntry(dir, name, h, r); err != nil {
			return err
		}
	}
}

// place is the one name that a package's file has in a root with merged
// directories.
func place(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	first, _, _ := strings.Cut(name, "/")
	if slices.Contains(merged(), first) {
		return "usr/" + name
	}
	return name
}

func isUseless(name string) bool {
	for ; name != "." && name != ""; name = path.Dir(name) {
		for _, pattern := range useless() {
			if match, err := path.Match(pattern, name); match || err != nil {
				return true
			}
		}
	}
	return false
}

func unpackEntry(dir *os.Root, name string, h *tar.Header, content io.Reader) error {
	mode := h.FileInfo().Mode()
	switch h.Typeflag {
	case tar.TypeDir:
		if name == "" {
			return nil
		}
		if err := dir.MkdirAll(filepath.FromSlash(name), 0o755); err != nil {
			return err
		}
		return dir.Chmod(name, modeBits(mode))
	case tar.TypeReg:
		if err := write(dir, name, content); err != nil {
			return err
		}
		return dir.Chmod(name, modeBits(mode))
	case tar.TypeSymlink:
		return dir.Symlink(h.Linkname, name)
	case tar.TypeLink:
		return dir.Link(h.Linkname, name)
	default:
		return fmt.Errorf("%s is of the type %q, which no program here needs", name, h.Typeflag)
	}
}

func write(dir *os.Root, name string, content io.Reader) error {
	if err := dir.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := dir.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

func modeBits(mode fs.FileMode) fs.FileMode {
	return mode & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}
