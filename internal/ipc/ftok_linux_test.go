// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const ftokProgram = `
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>

int main(int argc, char **argv) {
	for (int i = 1; i + 1 < argc; i += 2)
		printf("0x%08x\n", (unsigned)ftok(argv[i], atoi(argv[i + 1])));
}
`

// What the C library of this machine says is what an app in C will ask for.
func TestKeysAreThoseOfTheCLibrary(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, program := filepath.Join(dir, "ftok.c"), filepath.Join(dir, "ftok")
	if err := os.WriteFile(source, []byte(ftokProgram), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cc", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("the C compiler failed: %v\n%s", err, out)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(program, link); err != nil {
		t.Fatal(err)
	}
	var args, got []string
	for _, path := range []string{dir, source, program, link, "/", "/proc", "/dev/null", "/dev/shm", "/usr"} {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		for _, id := range []byte{1, 65, 255} {
			key, err := Key{Path: path, ID: id}.Value()
			if err != nil {
				t.Fatal(err)
			}
			args = append(args, path, fmt.Sprint(id))
			got = append(got, Key{Number: key}.String())
		}
	}
	out, err := exec.Command(program, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range strings.Fields(string(out)) {
		if got[i] != want {
			t.Errorf("ftok(%s, %s) is %s, want %s", args[2*i], args[2*i+1], got[i], want)
		}
	}
	if n := len(strings.Fields(string(out))); n != len(got) || n < 20 {
		t.Errorf("%d keys were compared, of %d", n, len(got))
	}
}

func TestAKeyNeedsItsPath(t *testing.T) {
	t.Parallel()
	_, err := Key{Path: "/does/not/exist", ID: 1}.Value()
	const want = "its key needs a path that exists in this container: stat /does/not/exist: no such file or directory"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
