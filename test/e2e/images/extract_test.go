// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func archive(t *testing.T, headers ...*tar.Header) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(h.Name))
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte(h.Name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &out
}

func TestAPackageIsUnpackedIntoMergedDirectories(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	err := unpack(archive(t,
		&tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o700},
		&tar.Header{Typeflag: tar.TypeDir, Name: "./bin/", Mode: 0o755},
		&tar.Header{Typeflag: tar.TypeReg, Name: "./bin/su", Mode: 0o4755},
		&tar.Header{Typeflag: tar.TypeLink, Name: "./usr/bin/twin", Linkname: "./bin/su"},
		&tar.Header{Typeflag: tar.TypeSymlink, Name: "./lib64/ld.so", Linkname: "/lib/ld-2.so"},
		&tar.Header{Typeflag: tar.TypeReg, Name: "./lib/systemd/system/x.service", Mode: 0o644},
		&tar.Header{Typeflag: tar.TypeReg, Name: "./usr/share/doc/x/copyright", Mode: 0o644},
		&tar.Header{Typeflag: tar.TypeReg, Name: "./usr/lib/x86_64-linux-gnu/gconv/A.so", Mode: 0o644},
		&tar.Header{Typeflag: tar.TypeReg, Name: "./usr/share/documents", Mode: 0o640},
		&tar.Header{Typeflag: tar.TypeDir, Name: "./usr/lib64/", Mode: 0o755},
	), skeletonFor(t, root))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range []string{"usr/bin/su", "usr/bin/twin", "usr/lib64/ld.so", "usr/share/documents", "usr/share/doc", "usr/lib/systemd", "usr/lib/x86_64-linux-gnu", "bin"} {
		got = append(got, name+" "+describe(filepath.Join(root, name)))
	}
	want := []string{
		"usr/bin/su urwxr-xr-x ./bin/su",
		"usr/bin/twin urwxr-xr-x ./bin/su",
		"usr/lib64/ld.so -> /lib/ld-2.so",
		"usr/share/documents -rw-r----- ./usr/share/documents",
		"usr/share/doc is not there",
		"usr/lib/systemd is not there",
		"usr/lib/x86_64-linux-gnu is not there",
		"bin -> usr/bin",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// skeletonFor fills root as it is before the first package.
func skeletonFor(t *testing.T, root string) string {
	t.Helper()
	if err := skeleton(root); err != nil {
		t.Fatal(err)
	}
	return root
}

func describe(name string) string {
	info, err := os.Lstat(name)
	if err != nil {
		return "is not there"
	}
	if info.Mode().Type() == fs.ModeSymlink {
		target, _ := os.Readlink(name)
		return "-> " + target
	}
	content, _ := os.ReadFile(name)
	return info.Mode().String() + " " + string(content)
}

func TestAPackageCannotLeaveTheRoot(t *testing.T) {
	t.Parallel()
	outer := t.TempDir()
	root := filepath.Join(outer, "rootfs")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	err := unpack(archive(t,
		&tar.Header{Typeflag: tar.TypeSymlink, Name: "./etc", Linkname: ".."},
		&tar.Header{Typeflag: tar.TypeReg, Name: "./etc/outside", Mode: 0o644},
	), root)
	if err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("error %v, want one that says the path escapes", err)
	}
	err = unpack(archive(t, &tar.Header{Typeflag: tar.TypeChar, Name: "./dev/null"}), root)
	if want := `dev/null is of the type '3', which no program here needs`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	if left, _ := os.ReadDir(outer); len(left) != 1 {
		t.Errorf("beside the root there is now %v", left)
	}
}

func TestALibraryThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	program := dynamicProgram(t)
	root := t.TempDir()
	bin := filepath.Join(root, "usr", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"tool": content, "script": []byte("#!/bin/sh\n"), "empty": nil} {
		if err := os.WriteFile(filepath.Join(bin, name), data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	needed, err := neededBy(program)
	if err != nil {
		t.Fatal(err)
	}
	err = checkLibraries(root)
	want := "no package of the image has " + slices.Min(needed) + ", which /usr/bin/tool needs; isLibrary in test/e2e/images must let its package in"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}

	lib := filepath.Join(root, "usr", "lib", "x86_64-linux-gnu")
	if err := os.MkdirAll(lib, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, library := range needed {
		if err := os.WriteFile(filepath.Join(lib, library), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := checkLibraries(root); err != nil {
		t.Error(err)
	}
}

// dynamicProgram is a program of this machine that is linked with libraries.
func dynamicProgram(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"/bin/ls", "/usr/bin/git"} {
		if needed, err := neededBy(name); err == nil && len(needed) > 0 {
			return name
		}
	}
	t.Skip("this machine has no dynamically linked ls or git")
	return ""
}
