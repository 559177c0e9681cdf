// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAWrongInitContainerIsRefused(t *testing.T) {
	t.Parallel()
	refused(t, map[string]wrongLine{
		"nothing to make":        {[]string{"ipc-init"}, "one of --mqueue, --sysv and --fifo is needed"},
		"a queue that is none":   {[]string{"ipc-init", "--mqueue=q"}, `the name "q" of the queue must be a slash`},
		"an object that is none": {[]string{"ipc-init", "--sysv=x:0x1"}, `"x:0x1" must begin with the kind and a colon: msg, sem or shm`},
		"a pipe that is none":    {[]string{"ipc-init", "--fifo=x"}, `the path "x" of the named pipe must begin with a slash`},
		"a stray argument":       {[]string{"ipc-init", "--fifo=/x/y", "z"}, `the argument "z" is unexpected`},
		"no place to install":    {[]string{"install"}, "--to= must be a path that begins with a slash"},
	})
}

func TestAllThatCannotBeMadeIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	if err := os.WriteFile(log, []byte("of the last start, which was longer than what is said now, so that some of it would be left at the end if the file were not cut; and some more words for that\n"+strings.Repeat("x", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	init := func(stderr io.Writer) int {
		return run([]string{"ipc-init", "--termination-log=" + log, "--fifo=" + dir + "/a/x", "--fifo=" + dir + "/ok", "--fifo=" + dir + "/b/x"}, nil, io.Discard, stderr)
	}
	var stderr bytes.Buffer
	if code := init(&stderr); code != exitFailed {
		t.Errorf("exit status %d, want %d", code, exitFailed)
	}
	told, err := os.ReadFile(log)
	if err != nil || strings.Count(string(told), "\n") != 2 || stderr.String() != "pillion-helper ipc-init: "+string(told) {
		t.Errorf("the termination log is\n%s(%v), and stderr\n%s", told, err, stderr.String())
	}
	for _, line := range []string{dir + "/a/x", dir + "/b/x"} {
		if !strings.Contains(string(told), "the named pipe "+line+" with mode 0666") {
			t.Errorf("nothing is told about %s: %s", line, told)
		}
	}
	if info, err := os.Stat(dir + "/ok"); err != nil || info.Mode() != os.ModeNamedPipe|0o666 {
		t.Errorf("the pipe that can be made is %v (%v)", info, err)
	}
}

func TestTheHelperInstallsItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	to := filepath.Join(dir, "pillion-helper")
	var before os.FileInfo
	for range 2 {
		install(t, to)
		info, err := os.Stat(to)
		if err != nil || info.Mode() != 0o755 {
			t.Fatalf("mode %v (%v), want 0755", info.Mode(), err)
		}
		if os.SameFile(info, before) {
			t.Error("the second installation is the same file: somebody may be running it")
		}
		before = info
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(to); err != nil || !bytes.Equal(got, self) {
		t.Errorf("what is installed differs from this program: %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("something is left beside it: %v", entries)
	}
	var stderr bytes.Buffer
	if code := run([]string{"install", "--to=" + dir + "/no/helper"}, nil, io.Discard, &stderr); code != exitFailed ||
		!strings.Contains(stderr.String(), dir+"/no/helper cannot be installed: ") {
		t.Errorf("exit status %d, said %s", code, stderr.String())
	}
}
