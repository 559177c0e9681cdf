// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// An app with the helper's user ID, in a pod whose containers share a process namespace.
func TestAnAppOfTheSameUserDoesNotSeeIntoAHelper(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "pillion-hide-") // where another user may go
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "pillion-helper") // all may read it, as in the image
	writing(func() {
		if err := errors.Join(os.Chmod(dir, 0o777), os.WriteFile(program, self, 0o755), os.Chmod(program, 0o755)); err != nil {
			t.Fatal(err)
		}
	})
	asUser := func(name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Env = "/", []string{"PATH=" + os.Getenv("PATH"), "SECRET=precious"}
		if os.Getuid() == 0 { // root sees into everybody
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
		}
		return cmd
	}
	helper := asUser(program, "date-writer", "--file="+filepath.Join(dir, "index.html"))
	said, err := helper.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = helper.Process.Kill()
		_ = helper.Wait()
	}()
	if line, err := bufio.NewReader(said).ReadString('\n'); err != nil {
		t.Fatalf("the helper says %q: %v", line, err)
	}
	app := asUser("sleep", "600")
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = app.Process.Kill()
		_ = app.Wait()
	}()
	for _, name := range []string{"root/proc/version", "environ", "fd/2", "cwd/proc/version", "maps"} {
		look := func(pid int) (string, error) {
			out, err := asUser("/bin/sh", "-c", fmt.Sprintf("exec head -c 1 /proc/%d/%s </dev/null", pid, name)).CombinedOutput()
			return string(out), err
		}
		if out, err := look(helper.Process.Pid); err == nil || !strings.Contains(out, "ermission denied") {
			t.Errorf("an app of the same user reads %s of the helper: %q (%v)", name, out, err)
		}
		if name == "fd/2" {
			continue // a pipe, of which there is nothing to be read
		}
		if out, err := look(app.Process.Pid); err != nil {
			t.Errorf("control: %s of another app cannot be read: %q (%v)", name, out, err)
		}
	}
}
