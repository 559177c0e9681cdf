// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestMain is the helper's main function if this program is called by its name, so
// that tests can start it as a process.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "pillion-helper" {
		main()
	}
	var err error
	if programDir, err = os.MkdirTemp("", "pillion-helper-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(programDir)
	os.Exit(code)
}

// helperIn makes the helper's name for this program in dir, and returns its path.
func helperIn(t testing.TB, dir string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "pillion-helper")
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// writing calls write, which makes programs, while no other test starts one: a process
// begun meanwhile would hold the descriptor open for a moment, and the program, started
// in that moment, would be "text file busy" (https://go.dev/issue/22315).
func writing(write func()) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	write()
}

// install makes a copy of the helper, as its init container does.
func install(t testing.TB, to string) {
	t.Helper()
	writing(func() {
		if code := run([]string{"install", "--to=" + to}, nil, io.Discard, os.Stderr); code != 0 {
			t.Fatal(code)
		}
	})
}

// compile makes a program of testdata/app.c.
func compile(t testing.TB, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "app")
	if out, err := exec.Command("cc", "-Wall", "-o", path, "testdata/app.c").CombinedOutput(); err != nil {
		t.Fatalf("the C compiler failed: %v\n%s", err, out)
	}
	return path
}
