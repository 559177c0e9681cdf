// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"context"
	"os/exec"
	"syscall"
	"testing"
)

func shell(script string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

func TestExitCodesAreThoseOfAShell(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{"true": 0, "exit 7": 7, "kill -9 $$": 137} {
		if got, err := execute(t.Context(), shell(script)); err != nil || got != want {
			t.Errorf("%s: exit code %d, error %v; want %d", script, got, err, want)
		}
	}
}

func TestNothingOfTheCommandSurvivesIt(t *testing.T) {
	t.Parallel()
	cmd := shell("sleep 1000 & echo started")
	out, err := cmd.StdoutPipe() // a survivor would keep it open
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			continue
		}
		read <- nil
	}()
	if _, err := execute(t.Context(), cmd); err != nil {
		t.Fatal(err)
	}
	<-read
}

func TestACommandIsToldToEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		bufio.NewScanner(out).Scan()
		cancel()
	}()
	if got, err := execute(ctx, cmd); err != nil || got != 3 {
		t.Errorf("exit code %d, error %v; want 3, from its trap", got, err)
	}
}
